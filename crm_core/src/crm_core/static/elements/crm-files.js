import htmx from 'htmx';
import { CrmElement } from 'crm_core/element.js';
import { toast } from 'crm_core/toast.js';
import { row, send, shown } from 'crm_core/upload.js';

/** Attaching files to a record: chosen or dropped, one after the other with progress. Without scripts the form inside sends them. */
class CrmFiles extends CrmElement {
  mount() {
    const form = this.querySelector('form');
    const input = form.querySelector('input[type="file"]');
    const place = this.closest('section') ?? this;
    form.classList.add('scripted');
    this.on(input, 'change', () => this.take(form, [...input.files]));
    if (input.files.length) this.take(form, [...input.files]); // chosen before this element was there
    this.on(place, 'dragover', (event) => { event.preventDefault(); form.classList.add('dropping'); });
    this.on(place, 'dragleave', () => form.classList.remove('dropping'));
    this.on(place, 'drop', (event) => {
      event.preventDefault();
      form.classList.remove('dropping');
      this.take(form, [...event.dataTransfer.files]);
    });
  }

  async take(form, files) {
    const most = Number(this.getAttribute('max'));
    let last = null;
    for (const file of files) {
      if (file.size > most) {
        toast(this.getAttribute('too-large').replace('{name}', file.name), 'red');
        continue;
      }
      const { made, bar } = row(file.name, shown(file.size));
      form.before(made);
      const body = new FormData(form);
      body.delete('file');
      body.append('file', file);
      try {
        const answer = await send(form.action, body, (part) => { bar.value = part; }, { 'HX-Request': 'true' });
        if (answer.status !== 200) throw new Error(String(answer.status));
        last = answer;
      } catch {
        toast(this.getAttribute('failed'), 'red');
      }
      made.remove();
    }
    if (!last) return;
    if (document.getElementById('files-panel')) {
      const panel = new DOMParser().parseFromString(last.text, 'text/html').getElementById('files-panel');
      document.getElementById('files-panel').replaceWith(document.adoptNode(panel));
      htmx.process?.(panel);
      panel.querySelector('input[type="file"]')?.focus();
    } else {
      location.reload();
    }
  }
}
customElements.define('crm-files', CrmFiles);
