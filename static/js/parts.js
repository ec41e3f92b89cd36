// Pieces that several pages share: buttons, progress bars, status chips, notices with undo, empty states.

import { h } from "./dom.js";
import { t } from "./words.js";

export function button(words, onclick, { kind = "plain", key = words, disabled = false, title } = {}) {
  return h("button", { class: `ts-button ts-${kind}`, type: "button", onclick: guarded(onclick), "data-key": key, disabled, title }, words);
}

export function link(words, href, kind = "plain") {
  return h("a", { class: `ts-button ts-${kind}`, href }, words);
}

// One click is one action: the button rests until the action has ended; a refusal is shown in its own words.
function guarded(action) {
  return async (event) => {
    const pressed = event.currentTarget;
    pressed.disabled = true;
    try { await action(event); } catch (error) { notice(`${error.message} ${error.hint ?? ""}`, { bad: true }); }
    pressed.disabled = false;
  };
}

export function progress(share, words) {
  const percent = Math.round(100 * Math.min(1, Math.max(0, share ?? 0)));
  const bar = h("div", { class: "ts-bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(percent), "aria-label": words || t("progress") },
    h("div", { class: "ts-bar-fill" }));
  bar.firstChild.style.width = `${percent}%`;
  return h("div", { class: "ts-progress" }, bar, h("span", { class: "ts-soft" }, `${percent} %${words ? ` · ${words}` : ""}`));
}

const SIGNS = { queued: "◷", waiting: "◷", starting: "◌", working: "◌", unsure: "?", running: "▶", finished: "✓", ready: "✓", stopped: "■", failed: "!", discarded: "×" };

export function chip(status) {
  return h("span", { class: `ts-chip ts-${status}` }, `${SIGNS[status] ?? ""} ${t(`status.${status}`)}`);
}

export function fact(label, value, title) {
  return h("div", { class: "ts-fact", title }, h("span", { class: "ts-soft" }, label), h("strong", {}, value));
}

// A form's field: the control needs an id; `help` is one sentence below it.
export function field(label, control, help = null) {
  if (help) control.setAttribute("aria-describedby", `${control.id}-help`);
  return h("div", { class: "ts-field" }, h("label", { for: control.id }, label), control, help ? h("p", { class: "ts-soft ts-small", id: `${control.id}-help` }, help) : null);
}

// A list to choose one from; `options` are [value, words].
export function choice(id, options, chosen = "", onchange = () => {}) {
  const select = h("select", { id }, options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)));
  select.addEventListener("change", () => onchange(select.value));
  return select;
}

// A box to tick, with its words beside it.
export function tick(id, words, checked = false, onchange = () => {}) {
  const box = h("input", { type: "checkbox", id, checked });
  box.addEventListener("change", () => onchange(box.checked));
  return h("label", { class: "ts-tick", for: id }, box, words);
}

export function empty(title, words, ...actions) {
  return h("div", { class: "ts-card ts-empty" }, h("h2", {}, title), h("p", {}, words), h("div", { class: "ts-actions" }, actions));
}

export function problem(message, hint) {
  return h("div", { class: "ts-problem", role: "alert" }, h("strong", {}, message), hint ? h("p", {}, hint) : null);
}

let stack = null;

// Says something at the corner of the page; `undo` offers to take the last action back, `look` ([words, address]) leads on.
export function notice(words, { bad = false, undo = null, look = null } = {}) {
  if (!stack) {
    stack = h("div", { class: "ts-notices", role: "status", "aria-live": "polite" });
    document.body.append(stack);
  }
  const box = h("div", { class: `ts-notice${bad ? " ts-bad" : ""}` }, h("span", {}, words));
  if (undo) box.append(button(t("undo"), async () => { await undo(); box.remove(); }, { kind: "link" }));
  if (look) box.append(link(look[0], look[1], "link"));
  box.append(h("button", { class: "ts-close", type: "button", "aria-label": t("close"), onclick: () => box.remove() }, "×"));
  stack.append(box);
  setTimeout(() => box.remove(), undo ? 20000 : 8000);
}
