// What all contestants are told and how their answers are drawn; presets fill in fields and nothing else.

import { h } from "./dom.js";
import { button } from "./parts.js";
import { Library } from "./playground_library.js";
import { t } from "./words.js";

const SETTINGS = [
  ["temperature", 0, 2, 0.05, 0],
  ["top_p", 0.05, 1, 0.05, 1],
  ["max_tokens", 1, 4096, 1, 200],
  ["repetition_penalty", 1, 2, 0.05, 1],
  ["seed", 0, 4294967295, 1, 42],
];

const PRESETS = [
  ["exact", { temperature: 0, top_p: 1, repetition_penalty: 1 }],
  ["balanced", { temperature: 0.7, top_p: 0.9, repetition_penalty: 1.05 }],
  ["creative", { temperature: 1.1, top_p: 0.95, repetition_penalty: 1.05 }],
];

export class Settings {
  constructor(systemPrompts) {
    this.system = h("textarea", { rows: "2", id: "chat-system", dir: "auto", placeholder: t("chat.system_hint") });
    this.library = new Library(this.system, systemPrompts);
    this.inputs = {};
    this.presets = PRESETS.map(([name, values]) => [button(t(`chat.preset.${name}`), () => this.fill(values), { key: `preset-${name}` }), values]);
    this.element = h("details", { class: "ts-card", open: false }, h("summary", {}, t("chat.settings")),
      h("label", { for: "chat-system" }, t("chat.system")), this.system, this.library.element,
      h("h3", {}, t("chat.sampling")), h("div", { class: "ts-actions", role: "group", "aria-label": t("chat.presets") }, this.presets.map(([pressed]) => pressed)),
      h("div", { class: "ts-fields" }, SETTINGS.map((setting) => this.#field(setting))));
    this.#mark();
  }

  // Throws, in words, where a value is out of its range.
  values() {
    return Object.fromEntries(SETTINGS.map(([name, min, max]) => {
      const value = Number(this.inputs[name].value);
      if (this.inputs[name].value === "" || !Number.isFinite(value) || value < min || value > max) throw new Error(t("chat.out_of_range", { name: t(`chat.${name}`), min, max }));
      return [name, value];
    }));
  }

  fill(values) {
    for (const [name, value] of Object.entries(values)) if (this.inputs[name]) this.inputs[name].value = String(value);
    this.#mark();
  }

  #field([name, min, max, step, value]) {
    const input = h("input", { type: "number", id: `chat-${name}`, min: String(min), max: String(max), step: String(step), value: String(value), "aria-describedby": `chat-${name}-help` });
    input.addEventListener("input", () => this.#mark());
    this.inputs[name] = input;
    return h("div", { class: "ts-field" }, h("label", { for: `chat-${name}` }, t(`chat.${name}`)), input, h("span", { class: "ts-soft ts-small", id: `chat-${name}-help` }, t(`chat.${name}_help`)));
  }

  // Says which preset the fields are those of, if any.
  #mark() {
    for (const [pressed, values] of this.presets) {
      const same = Object.entries(values).every(([name, value]) => Number(this.inputs[name]?.value) === value);
      pressed.setAttribute("aria-pressed", String(same));
    }
  }
}
