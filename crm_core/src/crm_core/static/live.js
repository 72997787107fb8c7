// Pages that show records hear when these change: lists and timelines are refreshed quietly, a record that somebody
// changed gets a notice. Elements say what they show: data-live="core.deal" or "core.deal/<id>".
import htmx from 'htmx';

const parts = () => [...document.querySelectorAll('[data-live]')];
const topics = [...new Set(parts().map((part) => part.dataset.live))];
let timer = 0;
let busy = false;
let last = 0;

function heard(message) {
  if (message.lost) { refresh(); parts().filter((part) => part.dataset.liveSrc).forEach((part) => loadPart(part).catch(() => {})); return; }
  for (const part of parts()) {
    if (part.dataset.live !== message.topic) continue;
    if (part.dataset.liveSrc) { loadPart(part).catch(() => {}); continue; }
    const { liveVersion } = part.dataset;
    if (liveVersion === undefined || !message.version) refresh();
    else if (message.version > Number(liveVersion)) part.hidden = false;
  }
}

// At once, and then at most once a second, however much happens.
function refresh() { clearTimeout(timer); timer = setTimeout(load, Math.max(50, 1000 - (Date.now() - last))); }

// Nothing is taken from under somebody's hands: a selection, an open menu or a field with the cursor is left alone.
const inUse = (part) => part.querySelector(':checked, :focus, details[open]') || document.hidden;

// A part with an address of its own is fetched from there, the rest with the page.
async function loadPart(part) {
  const answer = await fetch(part.dataset.liveSrc, { headers: { accept: 'text/html', 'hx-request': 'true' } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').body;
  part.replaceChildren(...fresh.childNodes);
  htmx.process(part);
}

async function load() {
  const targets = [...document.querySelectorAll('[data-live-refresh]')];
  if (!targets.length) return;
  if (busy) { refresh(); return; }
  if (targets.some(inUse)) { timer = setTimeout(load, 3000); return; }
  busy = true;
  last = Date.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const target of targets) {
      const fresh = page.getElementById(target.id);
      if (!fresh || fresh.innerHTML === target.innerHTML || inUse(target)) continue;
      // Rows that were loaded on top stay: only as many as the first page has are replaced.
      if (target.children.length > fresh.children.length && target.dataset.liveRefresh === 'first') continue;
      target.replaceChildren(...fresh.childNodes);
      htmx.process(target);
    }
  } catch { /* offline: the stream tells when it is back */ } finally { busy = false; }
}

if (topics.length && 'SharedWorker' in window) {
  const { port } = new SharedWorker(new URL('./live-worker.js', import.meta.url), { name: 'crm-live' });
  port.onmessage = ({ data }) => heard(data);
  const join = () => port.postMessage({ topics });
  addEventListener('pagehide', () => port.postMessage({ leave: true }));
  addEventListener('pageshow', (event) => { if (event.persisted) { join(); refresh(); } });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && timer) refresh(); });
  join();
} else if (topics.length && 'EventSource' in window) {
  const source = new EventSource(`/live?topics=${encodeURIComponent(topics.join())}`);
  source.onmessage = (event) => heard(JSON.parse(event.data));
  source.addEventListener('lost', () => heard({ lost: true }));
  source.addEventListener('ended', () => source.close());
  addEventListener('pagehide', () => source.close());
}
