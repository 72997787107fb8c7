// Runs before the first paint, so that a dark page does not flash white.
(() => {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const stored = () => { try { return localStorage.getItem('crm-theme'); } catch { return null; } };
  const apply = () => { root.dataset.theme = stored() || (system.matches ? 'dark' : 'light'); };
  apply();
  system.addEventListener('change', apply);
  addEventListener('storage', apply);
  root.classList.add('js');
})();
