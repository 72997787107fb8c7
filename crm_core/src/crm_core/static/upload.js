/** POST a form by XMLHttpRequest, which tells how far it is; resolves with the answer's status and text. */
export function send(url, body, onProgress, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    if (token) request.setRequestHeader('X-CSRF-Token', token);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => resolve({ status: request.status, text: request.responseText });
    request.onerror = () => reject(new Error('no answer'));
    request.send(body);
  });
}

/** A row that shows a name and how far its upload is. */
export function row(name, size) {
  const made = document.createElement('div');
  made.className = 'file-row';
  const title = document.createElement('span');
  title.className = 'file-name';
  title.textContent = name;
  const bytes = document.createElement('span');
  bytes.className = 'muted';
  bytes.textContent = size;
  const bar = document.createElement('progress');
  bar.className = 'progress';
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute('aria-label', name);
  made.append(title, bytes, bar);
  return { made, bar, bytes };
}

/** Bytes as people read them. */
export function shown(size) {
  if (size < 1024) return `${size} B`;
  const [value, unit] = size < 2 ** 20 ? [size / 1024, 'kB'] : [size / 2 ** 20, 'MB'];
  return `${value >= 10 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
}
