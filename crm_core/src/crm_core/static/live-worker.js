// One stream for all tabs of this browser. Tabs say which topics they show; messages go to those that asked.
const ports = new Map();
let source = null;
let open = '';
let timer = 0;
let failed = false;

const wanted = () => [...new Set([...ports.values()].flat())].sort();
const tell = (message, topic) => {
  for (const [port, topics] of ports) if (!topic || topics.includes(topic)) port.postMessage(message);
};

function connect() {
  const topics = wanted().slice(0, 50);
  if (topics.join() === open && source && source.readyState !== 2) return;
  source?.close();
  open = topics.join();
  source = null;
  if (!topics.length) return;
  source = new EventSource(`/live?topics=${encodeURIComponent(open)}`);
  source.onopen = () => { if (failed) tell({ lost: true }); failed = false; };
  source.onmessage = (event) => { const message = JSON.parse(event.data); tell(message, message.topic); };
  source.addEventListener('lost', () => tell({ lost: true }));
  source.addEventListener('ended', () => { source.close(); });
  // Refused (signed out, or a page's topic is no longer ours): not again until a page asks anew.
  source.onerror = () => { failed = true; };
}

const soon = () => { clearTimeout(timer); timer = setTimeout(connect, 50); };

onconnect = (event) => {
  const port = event.ports[0];
  port.onmessage = ({ data }) => {
    if (data.leave) ports.delete(port); else ports.set(port, data.topics);
    soon();
  };
};
