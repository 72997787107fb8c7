// The command palette: Ctrl/Cmd-K, arrows, Enter. Its entries come from the server, with the actor's rights.
const dialog = document.getElementById('palette');
const input = dialog?.querySelector('input');

function open(event) {
  if (!dialog) return;
  event.preventDefault();
  if (!dialog.open) dialog.showModal();
  input.select();
  if (!list().length) input.dispatchEvent(new Event('input', { bubbles: true }));
}

const list = () => [...dialog.querySelectorAll('[role="option"]')];

function choose(step) {
  const items = list();
  if (!items.length) return;
  const now = items.findIndex((item) => item.getAttribute('aria-selected') === 'true');
  const next = (now + step + items.length) % items.length;
  items.forEach((item, i) => item.setAttribute('aria-selected', String(i === next)));
  input.setAttribute('aria-activedescendant', items[next].id);
  items[next].scrollIntoView({ block: 'nearest' });
}

if (dialog) {
  document.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') open(event);
    if (event.key === '/' && !event.target.closest?.('input, textarea, select, [contenteditable]')) open(event);
  });
  document.addEventListener('click', (event) => { if (event.target.closest('[data-palette]')) open(event); });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') { event.preventDefault(); choose(1); }
    if (event.key === 'ArrowUp') { event.preventDefault(); choose(-1); }
    if (event.key === 'Enter') {
      event.preventDefault();
      (list().find((item) => item.getAttribute('aria-selected') === 'true') ?? list()[0])?.click();
    }
  });
}
