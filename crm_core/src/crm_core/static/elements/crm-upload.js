import { CrmElement } from 'crm_core/element.js';
import { row, send, shown } from 'crm_core/upload.js';

/**
 * The file of a form field: sent as soon as it is chosen or dropped, with name, size and progress; the form then carries
 * a note instead of the bytes. Attributes: `src`, `max` (bytes), `accept`, and texts `too-large`, `failed`, `remove`.
 * Without scripts the plain file input sends the file with the form.
 */
class CrmUpload extends CrmElement {
  mount() {
    this.input = this.querySelector('input[type="file"]');
    if (!this.input) return;
    this.on(this.input, 'change', () => this.take(this.input.files[0]));
    if (this.input.files.length) this.take(this.input.files[0]); // chosen before this element was there
    this.on(this, 'dragover', (event) => { event.preventDefault(); this.classList.add('dropping'); });
    this.on(this, 'dragleave', () => this.classList.remove('dropping'));
    this.on(this, 'drop', (event) => {
      event.preventDefault();
      this.classList.remove('dropping');
      this.take(event.dataTransfer.files[0]);
    });
  }

  async take(file) {
    if (!file) return;
    this.say('');
    if (file.size > Number(this.getAttribute('max') || Infinity)) {
      this.input.value = '';
      this.say(this.getAttribute('too-large'));
      return;
    }
    this.querySelector('[data-new]')?.remove();
    const { made, bar, bytes } = row(file.name, shown(file.size));
    made.dataset.new = '';
    this.input.before(made);
    const body = new FormData();
    body.append('file', file);
    try {
      const answer = await send(this.getAttribute('src'), body, (part) => { bar.value = part; });
      const told = JSON.parse(answer.text);
      if (answer.status !== 200) throw new Error(told.error);
      bar.remove();
      bytes.textContent = told.size;
      this.done(made, told);
    } catch (error) {
      made.remove();
      this.say(error instanceof SyntaxError || !error.message ? this.getAttribute('failed') : error.message);
      this.input.value = '';
    }
  }

  done(made, told) {
    const note = document.createElement('input');
    note.type = 'hidden';
    note.name = `${this.input.name}__kept`;
    note.value = told.note;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn btn-ghost btn-sm';
    button.textContent = this.getAttribute('remove');
    const present = [...this.querySelectorAll('.file-row:not([data-new])')];
    for (const one of present) {
      one.hidden = true;
      for (const control of one.querySelectorAll('input:not([name$="__now"])')) control.disabled = true;
    }
    button.addEventListener('click', () => {
      made.remove();
      for (const one of present) {
        one.hidden = false;
        for (const control of one.querySelectorAll('input')) control.disabled = false;
      }
      this.input.focus();
    });
    made.append(note, button);
    this.input.value = ''; // the bytes are there already
  }

  say(text) {
    let place = this.querySelector('.upload-error');
    if (!place) {
      place = document.createElement('p');
      place.className = 'error-text upload-error';
      place.setAttribute('role', 'alert');
      this.append(place);
    }
    place.textContent = text ?? '';
  }
}
customElements.define('crm-upload', CrmUpload);
