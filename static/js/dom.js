// Builds elements from plain values. Text is always set as text: data and answers can carry no markup.

export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// The same for a piece of a drawing.
export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) if (value !== undefined && value !== null) element.setAttribute(name, value);
  element.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

// Redraws only when what is shown has changed, and never while something in it is being pressed: a button that is
// replaced between press and release would swallow the click. The next round draws what this one left.
export function fillWhenChanged(element, key, draw) {
  const text = JSON.stringify(key);
  if (element.dataset.drawn === text || element.matches(":active")) return;
  element.dataset.drawn = text;
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  fill(element, draw());
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}
