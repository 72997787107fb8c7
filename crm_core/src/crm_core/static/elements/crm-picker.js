import TomSelect from 'tom-select';
import { CrmElement } from 'crm_core/element.js';

/**
 * Makes the select inside searchable. Attributes: `src` (address answering {"items": [{value, text}]} to `?q=`),
 * `create` (new values may be typed), `placeholder`. Without scripts the plain select and text field remain.
 */
class CrmPicker extends CrmElement {
  mount() {
    const select = this.querySelector('select');
    if (!select || select.tomselect) return;
    for (const fallback of this.querySelectorAll('.no-script')) fallback.remove();
    const src = this.getAttribute('src');
    const multiple = select.multiple;
    select.classList.remove('form-control'); // tom-select copies classes to its own elements
    this.box = new TomSelect(select, {
      plugins: multiple ? ['remove_button'] : ['clear_button'],
      create: this.hasAttribute('create'),
      persist: false,
      maxOptions: 600,
      placeholder: this.getAttribute('placeholder') ?? '',
      hidePlaceholder: true,
      closeAfterSelect: !multiple,
      allowEmptyOption: false,
      loadThrottle: 180,
      preload: src ? 'focus' : false,
      load: src ? (query, done) => this.find(src, query).then(done, () => done()) : null,
      score: src ? () => () => 1 : undefined,
      render: {
        no_results: () => `<div class="no-results">${this.getAttribute('nothing') ?? '–'}</div>`,
        option_create: (data, escape) => `<div class="create">+ ${escape(data.input)}</div>`,
        loading: () => '<div class="no-results">…</div>',
      },
    });
    select.setAttribute('aria-hidden', 'true'); // the box's own input is what people meet
    if (select.getAttribute('aria-invalid') === 'true') this.box.wrapper.classList.add('invalid');
    const described = select.getAttribute('aria-describedby');
    if (described) this.box.control_input.setAttribute('aria-describedby', described);
    for (const list of this.querySelectorAll('[role="listbox"]')) list.setAttribute('aria-label', this.getAttribute('label') ?? '');
    if (select.autofocus) this.box.focus();
  }

  async find(src, query) {
    const address = new URL(src, location.href);
    address.searchParams.set('q', query);
    const answer = await fetch(address, { signal: this.ac.signal, headers: { accept: 'application/json' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const { items } = await answer.json();
    if (query) for (const key of Object.keys(this.box.options)) if (!this.box.items.includes(key)) this.box.removeOption(key, true);
    return items;
  }

  unmount() { this.box?.destroy(); }
}
customElements.define('crm-picker', CrmPicker);
