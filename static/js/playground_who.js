// Who is asked: one to four contestants side by side, or two that a blind vote is between.

import { fill, h } from "./dom.js";
import { button } from "./parts.js";
import { t } from "./words.js";

const MOST = 4;

export class Who {
  constructor(contestants) {
    this.contestants = contestants;
    this.names = [];
    this.blind = false;
    this.hidden = false;
    this.list = h("div", { class: "ts-who-list" });
    this.addButton = button(t("chat.add"), () => this.#add());
    this.element = h("div", { class: "ts-who" }, this.list, this.addButton);
  }

  // Null: they are not told before the vote.
  show(names, { blind }) {
    this.blind = blind;
    this.hidden = names === null;
    this.names = names ? names.slice(0, blind ? 2 : MOST) : [];
    while (blind && !this.hidden && this.names.length < 2 && this.#unused()) this.names.push(this.#unused().name);
    this.#draw();
  }

  // The contestants asked for in the address; a single one beside the base model it was made from.
  first(asked) {
    const known = [...new Set(asked)].filter((name) => this.#find(name));
    if (known.length > 1) return known.slice(0, MOST);
    const newest = this.contestants.find((contestant) => contestant.kind === "adapter");
    const chosen = known.length ? known : newest ? [newest.name] : [];
    const bases = chosen.map((name) => this.contestants.find((c) => c.kind === "base" && c.base_id === this.#find(name).base_id)?.name);
    const both = [...new Set([...bases.filter(Boolean), ...chosen])].slice(0, MOST);
    return both.length ? both : [this.contestants[0].name];
  }

  rest(busy) {
    for (const control of this.element.querySelectorAll("select, button")) control.disabled = busy;
    if (!busy) this.#draw();
  }

  #find(name) { return this.contestants.find((contestant) => contestant.name === name); }

  #unused() { return this.contestants.find(({ name }) => !this.names.includes(name)); }

  #draw() {
    this.addButton.hidden = this.blind || this.hidden;
    this.addButton.disabled = this.names.length >= MOST || !this.#unused();
    if (this.hidden) return fill(this.list, h("p", { class: "ts-soft" }, t("blind.hidden")));
    fill(this.list, this.names.map((name, side) => h("div", { class: "ts-row" }, this.#select(name, side), this.#close(side))));
  }

  #select(name, side) {
    const taken = this.names.filter((other) => other !== name);
    const label = this.blind ? t(side ? "blind.other" : "blind.one") : t("chat.contestant_n", { n: side + 1 });
    const select = h("select", { "aria-label": label, "data-key": `who-${side}` }, groups(this.contestants, taken), this.#find(name) ? null : h("option", { value: name }, t("chat.gone", { name })));
    select.value = name;
    select.addEventListener("change", () => { this.names[side] = select.value; this.#draw(); });
    return select;
  }

  #close(side) {
    if (this.blind || this.names.length < 2) return null;
    const close = () => { this.names.splice(side, 1); this.#draw(); };
    return h("button", { class: "ts-close", type: "button", "aria-label": t("chat.remove"), onclick: close }, "×");
  }

  #add() {
    this.names.push(this.#unused().name);
    this.#draw();
  }
}

function groups(contestants, taken) {
  const bases = [...new Map(contestants.map((c) => [c.base_id, c.base_title])).entries()];
  return bases.map(([id, title]) => h("optgroup", { label: title }, contestants.filter((c) => c.base_id === id).map((c) => h("option", { value: c.name, disabled: taken.includes(c.name) }, c.title))));
}
