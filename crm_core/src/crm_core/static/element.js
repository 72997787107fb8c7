/** Base of simple islands: light DOM, configuration from a JSON block, listeners that go with the element. */
export class CrmElement extends HTMLElement {
  connectedCallback() {
    this.ac = new AbortController();
    const data = this.querySelector(':scope > script[type="application/json"]');
    this.config = data ? JSON.parse(data.textContent) : {};
    this.mount?.();
  }

  disconnectedCallback() {
    this.ac.abort();
    this.unmount?.();
  }

  /** Listen until the element leaves the page. */
  on(target, type, fn) { target.addEventListener(type, fn, { signal: this.ac.signal }); }
}
