import { CrmElement } from 'crm_core/element.js';

/** Rows of a list that are ticked: the box in the header, Shift for ranges, and the number in the bar. */
class CrmSelection extends CrmElement {
  mount() {
    const all = this.querySelector('thead .checkbox');
    const boxes = () => [...this.querySelectorAll('tbody .checkbox')];
    let last = null;
    const count = () => {
      const chosen = boxes().filter((box) => box.checked).length;
      if (all) { all.checked = chosen > 0 && chosen === boxes().length; all.indeterminate = chosen > 0 && !all.checked; }
      const label = this.querySelector('[data-count]');
      if (label) label.textContent = label.dataset.count.replace('{n}', String(chosen));
    };
    this.on(this, 'click', (event) => {
      if (!event.target.matches('tbody .checkbox')) return;
      const list = boxes();
      if (event.shiftKey && last && list.includes(last)) {
        const [from, to] = [list.indexOf(last), list.indexOf(event.target)].sort((a, b) => a - b);
        for (const box of list.slice(from, to + 1)) box.checked = event.target.checked;
      }
      last = event.target;
      count();
    });
    this.on(this, 'change', (event) => {
      if (event.target === all) for (const box of boxes()) box.checked = all.checked;
      count();
    });
    this.on(this, 'reset', () => setTimeout(count));
    count();
  }
}
customElements.define('crm-selection', CrmSelection);
