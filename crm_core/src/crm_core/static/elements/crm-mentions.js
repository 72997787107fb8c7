import { CrmElement } from 'crm_core/element.js';

/**
 * Offers people while "@…" is typed into the text field inside. Attributes: `src` (address answering
 * {"items": [{value, text}]} to `?q=`), `label`. Without scripts names are typed whole.
 */
class CrmMentions extends CrmElement {
  mount() {
    this.field = this.querySelector('textarea');
    if (!this.field || this.list) return;
    this.list = document.createElement('div');
    this.list.className = 'mention-list';
    this.list.hidden = true;
    this.list.id = `${this.field.id}-people`;
    this.list.setAttribute('role', 'listbox');
    this.list.setAttribute('aria-label', this.getAttribute('label') ?? '');
    this.field.after(this.list);
    for (const [name, value] of [['aria-autocomplete', 'list'], ['aria-controls', this.list.id]]) this.field.setAttribute(name, value);
    this.on(this.field, 'input', () => this.typed());
    this.on(this.field, 'keydown', (event) => this.key(event));
    this.on(this.field, 'blur', () => setTimeout(() => this.close(), 150));
    this.on(this.list, 'mousedown', (event) => {
      const option = event.target.closest('[role=option]');
      if (option) { event.preventDefault(); this.take(option); }
    });
  }

  word() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    return /(?:^|\s)@([^\s@]{0,40}(?: [^\s@]{1,40})?)$/.exec(before)?.[1];
  }

  typed() {
    clearTimeout(this.timer);
    const word = this.word();
    if (word === undefined) { this.close(); return; }
    this.timer = setTimeout(() => this.offer(word), 150);
  }

  async offer(word) {
    const address = new URL(this.getAttribute('src'), location.href);
    address.searchParams.set('q', word);
    try {
      const answer = await fetch(address, { signal: this.ac.signal, headers: { accept: 'application/json' } });
      if (!answer.ok || this.word() !== word) return;
      this.show((await answer.json()).items);
    } catch { this.close(); }
  }

  show(items) {
    this.list.replaceChildren(...items.map((item, number) => {
      const option = document.createElement('div');
      option.id = `${this.list.id}-${number}`;
      option.setAttribute('role', 'option');
      option.className = 'mention-option';
      option.textContent = item.text;
      return option;
    }));
    this.list.hidden = !items.length;
    this.mark(0);
  }

  mark(number) {
    const options = [...this.list.children];
    if (!options.length) return;
    this.at = (number + options.length) % options.length;
    options.forEach((option, index) => option.setAttribute('aria-selected', String(index === this.at)));
    this.field.setAttribute('aria-activedescendant', options[this.at].id);
  }

  key(event) {
    if (this.list.hidden) return;
    if (event.key === 'ArrowDown') this.mark(this.at + 1);
    else if (event.key === 'ArrowUp') this.mark(this.at - 1);
    else if (event.key === 'Enter' || event.key === 'Tab') this.take(this.list.children[this.at]);
    else if (event.key === 'Escape') this.close();
    else return;
    event.preventDefault();
  }

  take(option) {
    const end = this.field.selectionStart;
    const start = end - this.word().length;
    this.field.setRangeText(`${option.textContent} `, start, end, 'end');
    this.close();
    this.field.focus();
  }

  close() {
    this.list.hidden = true;
    this.field.removeAttribute('aria-activedescendant');
  }

  unmount() { clearTimeout(this.timer); this.list?.remove(); this.list = null; }
}
customElements.define('crm-mentions', CrmMentions);
