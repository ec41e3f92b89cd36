// The playground: one prompt to two to four contestants, side by side, streaming together.

import { get, parameter } from "./api.js";
import { fill, h } from "./dom.js";
import { button, empty, link, notice } from "./parts.js";
import { startSample } from "./sample.js";
import { stream } from "./stream.js";
import { t } from "./words.js";
import { keepExchange } from "./written.js";

const MOST_PANES = 4;
const SETTINGS = [
  ["temperature", 0, 2, 0.05, 0],
  ["top_p", 0.05, 1, 0.05, 1],
  ["max_tokens", 1, 4096, 1, 200],
  ["repetition_penalty", 1, 2, 0.05, 1],
  ["seed", 0, 4294967295, 1, 42],
];

export async function draw(root) {
  const [contestants, adapters] = await Promise.all([get("/api/v1/contestants"), get("/api/v1/adapters")]);
  if (!contestants.length) return fill(root, empty(t("chat.empty.title"), t("chat.empty.words"), button(t("sample.try"), startSample, { kind: "primary" }), link(t("nav.models"), "/models")));
  new Playground(root, contestants, adapters.filter((adapter) => adapter.method === "reward")).lay();
}

class Playground {
  constructor(root, contestants, judges) {
    this.root = root;
    this.contestants = contestants;
    this.judges = judges;
    this.panes = [];
    this.stopping = null;
  }

  lay() {
    this.grid = h("div", { class: "ts-panes" });
    this.system = h("textarea", { rows: "2", id: "chat-system", placeholder: t("chat.system_hint") });
    this.prompt = h("textarea", { rows: "3", id: "chat-prompt", placeholder: t("chat.prompt_hint") });
    this.prompt.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.#send(); } });
    this.sendButton = button(t("chat.send"), () => this.#send(), { kind: "primary" });
    this.stopButton = button(t("chat.stop"), () => this.stopping?.abort());
    this.stopButton.disabled = true;
    this.addButton = button(t("chat.add"), () => this.#addPane(this.#unused()));
    fill(this.root,
      h("details", { class: "ts-card", open: false }, h("summary", {}, t("chat.settings")), h("label", { for: "chat-system" }, t("chat.system")), this.system, this.#sampling()),
      this.judges.length ? h("p", { class: "ts-soft" }, t("chat.judges", { names: this.judges.map(({ name }) => name).join(", ") })) : null,
      this.grid,
      h("section", { class: "ts-card ts-compose" }, h("label", { for: "chat-prompt" }, t("chat.prompt")), this.prompt,
        h("div", { class: "ts-actions" }, this.sendButton, this.stopButton, button(t("chat.clear"), () => this.#clear()), this.addButton)));
    this.#first().forEach((name) => this.#addPane(name));
    this.prompt.focus({ preventScroll: true });
  }

  // The contestants asked for in the address, each beside the base model it was made from.
  #first() {
    const asked = new URLSearchParams(location.search).getAll("with").filter((name) => this.#find(name));
    const newest = this.contestants.find((contestant) => contestant.kind === "adapter");
    const chosen = asked.length ? asked : newest ? [newest.name] : [];
    const bases = chosen.map((name) => this.contestants.find((c) => c.kind === "base" && c.base_id === this.#find(name).base_id)?.name);
    const both = [...new Set([...bases.filter(Boolean), ...chosen])].slice(0, MOST_PANES);
    return both.length ? both : [this.contestants[0].name];
  }

  #find(name) { return this.contestants.find((contestant) => contestant.name === name); }

  #unused() {
    const used = this.panes.map((pane) => pane.select.value);
    return (this.contestants.find((contestant) => !used.includes(contestant.name)) ?? this.contestants[0]).name;
  }

  #addPane(name) {
    const pane = new Pane(this.contestants, name, (gone) => this.#removePane(gone));
    this.panes.push(pane);
    this.grid.append(pane.element);
    this.#count();
  }

  #removePane(pane) {
    if (this.panes.length < 2 || this.stopping) return;
    pane.element.remove();
    this.panes = this.panes.filter((other) => other !== pane);
    this.#count();
  }

  #count() {
    this.addButton.disabled = this.panes.length >= MOST_PANES;
    this.grid.style.setProperty("--panes", this.panes.length);
  }

  #sampling() {
    this.inputs = {};
    const fields = SETTINGS.map(([name, min, max, step, value]) => {
      const input = h("input", { type: "number", id: `chat-${name}`, min: String(min), max: String(max), step: String(step), value: String(value) });
      this.inputs[name] = input;
      return h("div", { class: "ts-field" }, h("label", { for: `chat-${name}` }, t(`chat.${name}`)), input, h("span", { class: "ts-soft ts-small" }, t(`chat.${name}_help`)));
    });
    return h("div", { class: "ts-fields" }, fields);
  }

  #settings() {
    return Object.fromEntries(SETTINGS.map(([name, min, max]) => {
      const value = Number(this.inputs[name].value);
      if (this.inputs[name].value === "" || !Number.isFinite(value) || value < min || value > max) throw new Error(t("chat.out_of_range", { name: t(`chat.${name}`), min, max }));
      return [name, value];
    }));
  }

  async #send() {
    const prompt = this.prompt.value.trim();
    if (!prompt || this.stopping) return;
    let settings;
    try { settings = this.#settings(); } catch (error) { return notice(error.message, { bad: true }); }
    this.prompt.value = "";
    this.stopping = new AbortController();
    this.#busy(true);
    await Promise.all(this.panes.map((pane) => pane.ask(prompt, this.system.value.trim(), settings, this.stopping.signal)));
    this.stopping = null;
    this.#busy(false);
    this.prompt.focus({ preventScroll: true });
  }

  #busy(busy) {
    this.sendButton.disabled = busy;
    this.stopButton.disabled = !busy;
    for (const pane of this.panes) pane.select.disabled = busy;
  }

  #clear() {
    this.stopping?.abort();
    for (const pane of this.panes) pane.clear();
  }
}

class Pane {
  constructor(contestants, name, onremove) {
    this.turns = [];
    this.select = h("select", { "aria-label": t("chat.contestant") }, groups(contestants));
    this.select.value = name;
    this.select.addEventListener("change", () => this.clear());
    this.body = h("div", { class: "ts-messages", role: "log", "aria-live": "polite", "aria-label": t("chat.conversation"), tabindex: "0" });
    this.foot = h("div", { class: "ts-soft ts-small ts-foot" });
    const close = h("button", { class: "ts-close", type: "button", "aria-label": t("chat.remove"), onclick: () => onremove(this) }, "×");
    this.element = h("section", { class: "ts-card ts-pane" }, h("div", { class: "ts-row" }, this.select, close), this.body, this.foot);
    this.clear();
  }

  clear() {
    this.turns = [];
    fill(this.body, h("p", { class: "ts-soft" }, t("chat.waiting")));
    fill(this.foot);
  }

  async ask(prompt, system, settings, signal) {
    if (!this.turns.length) fill(this.body);
    this.turns.push({ role: "user", content: prompt });
    this.body.append(bubble("user", prompt));
    const answer = bubble("assistant", "");
    answer.classList.add("ts-writing");
    this.body.append(answer);
    fill(this.foot, t("chat.thinking"));
    const messages = [...(system ? [{ role: "system", content: system }] : []), ...this.turns];
    try {
      const end = await stream({ model: this.select.value, messages, ...settings }, signal, (text) => this.#write(answer, text));
      this.turns.push({ role: "assistant", content: end.text });
      fill(this.foot, h("span", {}, this.#summary(end)), end.text.trim() ? button(t("chat.keep"), () => this.#keep(prompt, end.text, system), { kind: "link" }) : null);
    } catch (error) {
      this.#failed(answer, error);
    }
    answer.classList.remove("ts-writing");
  }

  #write(answer, text) {
    answer.lastChild.append(text);
    this.body.scrollTop = this.body.scrollHeight;
  }

  // The exchange goes into the table of examples, where it can be corrected before it becomes data.
  #keep(question, answer, system) {
    const count = keepExchange(question, answer, system);
    notice(t("chat.kept", { n: count }), { look: [t("chat.kept_look"), "/data?write=1"] });
  }

  #summary(end) {
    const speed = end.tokens_per_second ? t("chat.speed", { n: end.tokens_per_second.toFixed(1) }) : "";
    return [t("chat.tokens", { n: end.tokens ?? 0 }), speed, t(`chat.end.${end.reason}`), end.note].filter(Boolean).join(" · ");
  }

  #failed(answer, error) {
    if (error.name === "AbortError") {
      this.turns.push({ role: "assistant", content: answer.lastChild.textContent });
      return fill(this.foot, t("chat.end.cancelled"));
    }
    this.turns.pop();
    answer.remove();
    fill(this.foot, h("span", { class: "ts-error", role: "alert" }, error.message));
  }
}

function groups(contestants) {
  const bases = [...new Map(contestants.map((c) => [c.base_id, c.base_title])).entries()];
  return bases.map(([id, title]) => h("optgroup", { label: title }, contestants.filter((c) => c.base_id === id).map((c) => h("option", { value: c.name }, c.title))));
}

function bubble(role, text) {
  return h("div", { class: `ts-bubble ts-${role}` }, h("span", { class: "ts-role" }, t(`role.${role}`)), h("p", { dir: "auto" }, text));
}
