import { CrmElement } from 'crm_core/element.js';

/** Rows of a form that can be added and removed; the pattern row is in a <template>, `__n__` its number. */
class CrmRows extends CrmElement {
  mount() {
    const pattern = this.querySelector('template');
    const rows = this.querySelector('.child-rows');
    let next = Number(this.getAttribute('next') ?? 0);
    this.on(this, 'click', (event) => {
      const button = event.target.closest('button');
      if (button?.hasAttribute('data-add')) {
        event.preventDefault();
        const holder = document.createElement('template');
        holder.innerHTML = pattern.innerHTML.replaceAll('__n__', String(next++));
        rows.append(holder.content);
        rows.lastElementChild.querySelector('input:not([type="hidden"]), select, textarea')?.focus();
      } else if (button?.hasAttribute('data-remove')) {
        event.preventDefault();
        const after = button.closest('.child-row').nextElementSibling ?? button.closest('.child-row').previousElementSibling;
        button.closest('.child-row').remove();
        (after?.querySelector('input, select') ?? this.querySelector('[data-add]'))?.focus();
      }
    });
  }
}
customElements.define('crm-rows', CrmRows);
