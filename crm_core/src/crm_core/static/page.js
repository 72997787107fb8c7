// Small behaviour of every page: theme switch, menus that close, narrow navigation, forms that warn.
const root = document.documentElement;

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-do]');
  if (button) actions[button.dataset.do]?.(button, event);
  const sidebar = document.querySelector('.sidebar.open');
  if (sidebar && !button && !sidebar.contains(event.target)) sidebar.classList.remove('open');
  for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const menu = event.target.closest?.('details.menu[open]') ?? document.querySelector('details.menu[open]');
  if (menu) { menu.open = false; menu.querySelector('summary')?.focus(); return; }
  document.querySelector('.sidebar.open')?.classList.remove('open');
});

const actions = {
  theme() {
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('crm-theme', root.dataset.theme); } catch { /* private mode: lasts for this page */ }
  },
  nav(button, event) {
    event.preventDefault();
    const open = document.getElementById('sidebar').classList.toggle('open');
    for (const one of document.querySelectorAll('[data-do="nav"]')) one.setAttribute('aria-expanded', String(open));
    if (open) document.querySelector('#sidebar a, #sidebar button')?.focus();
  },
  close(button) { button.closest('dialog')?.close(); },
  dialog(button) { document.getElementById(button.dataset.dialog)?.showModal(); },
};

// A control with data-submit sends its form as soon as it changes (the button is there without scripts).
document.addEventListener('change', (event) => {
  if (event.target.matches('[data-submit]')) event.target.form?.requestSubmit();
});

// A form is sent once, however often its button is pressed.
document.addEventListener('submit', (event) => {
  const form = event.target;
  if (form.method !== 'post' || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = '1';
  setTimeout(() => { delete form.dataset.sent; }, 3000);
});
addEventListener('pageshow', () => { for (const form of document.forms) delete form.dataset.sent; });
