import htmx from 'htmx';
import { toast } from 'crm_core/toast.js';
import 'crm_core/palette.js';
import 'crm_core/page.js';
import 'crm_core/live.js';

// Elements load themselves, also those that htmx swaps in later.
const known = new Set(['hx-partial']);
const load = (root) => {
  for (const element of root.querySelectorAll?.(':not(:defined)') ?? []) {
    const tag = element.localName;
    if (known.has(tag)) continue;
    known.add(tag);
    import(`#el/${tag}`).catch((error) => console.error(`no element module for <${tag}>`, error));
  }
};
load(document);
new MutationObserver((changes) => {
  for (const change of changes) for (const node of change.addedNodes) if (node.nodeType === 1) load(node.parentNode ?? node);
}).observe(document.body, { childList: true, subtree: true });

document.addEventListener('crm:toast', (event) => toast(event.detail.text, event.detail.tone));
document.addEventListener('htmx:error', () => toast(document.body.dataset.offline, 'red'));
window.htmx = htmx;

// Requests of htmx carry the form token of this session.
const token = document.querySelector('meta[name="csrf-token"]')?.content;
document.addEventListener('htmx:config:request', (event) => {
  if (token) event.detail.ctx.request.headers['X-CSRF-Token'] = token;
});
