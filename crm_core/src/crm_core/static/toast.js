const box = document.getElementById('toasts');

/** Show a short message for some seconds; `tone` is a palette name ("red" for errors). */
export function toast(text, tone = 'green') {
  if (!box || !text) return;
  const item = document.createElement('div');
  item.className = `toast tone-${tone}`;
  const mark = document.createElement('span');
  mark.className = `dot tone-${tone}`;
  item.append(mark, text);
  box.append(item);
  show();
  setTimeout(() => { item.remove(); if (!box.children.length) box.hidePopover?.(); }, tone === 'red' ? 9000 : 5000);
}

// Again each time: what enters the top layer last is on top, also over a dialog opened meanwhile.
function show() {
  if (box.matches(':popover-open')) box.hidePopover();
  box.showPopover?.();
}
if (box?.children.length) {
  show();
  // A message with a button stays until it was read: longer, and while the pointer or the focus is on it.
  let left = box.querySelector('form') ? 12 : 5;
  const clock = setInterval(() => {
    if (box.matches(':hover, :focus-within')) return;
    if (--left > 0) return;
    clearInterval(clock);
    box.replaceChildren();
    box.hidePopover?.();
  }, 1000);
}
