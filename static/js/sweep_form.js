// On the train page: what to vary of the form's settings, how many trials, what it takes, and the start of the sweep.

import { post } from "./api.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { count, duration } from "./format.js";
import { button, field, tick } from "./parts.js";
import { t } from "./words.js";

// The button of the form writes the settings into the page, in hexadecimal digits behind a word that is new each time.
export function draw(root) {
  let seen = "";
  const look = () => {
    const asked = document.getElementById("vary-asked")?.textContent.trim() ?? "";
    if (asked === seen || !/^[0-9a-f]{8}-[0-9a-f]+$/.test(asked)) return;
    seen = asked;
    open(root, read(asked.split("-")[1]));
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  look();
}

function read(digits) {
  const bytes = Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
  return JSON.parse(new TextDecoder().decode(bytes));
}

async function open(root, spec) {
  const card = h("section", { class: "ts-card", id: "sweep-form", tabindex: "-1" }, h("p", { class: "ts-soft" }, t("vary.reading")));
  fill(root, card);
  try {
    const found = await post("/api/v1/sweeps/proposals", spec);
    if (!found.length) return void fill(card, h("p", {}, t("vary.nothing")));
    new SweepForm(card, spec, found).draw();
  } catch (error) {
    fill(card, h("h2", {}, t("vary.title")), h("p", { class: "ts-error" }, `${error.message} ${error.hint ?? ""}`));
  }
  card.scrollIntoView({ block: "start" });
  card.focus({ preventScroll: true });
}

class SweepForm {
  constructor(card, spec, proposals) {
    this.card = card;
    this.spec = spec;
    this.settings = proposals.map((given) => new Varied(given, () => this.judge()));
    this.name = h("input", { type: "text", id: "sweep-name", maxlength: "100", value: t("vary.named", { name: spec.name || "" }).slice(0, 100) });
    this.trials = h("input", { type: "number", id: "sweep-trials", min: "2", max: "200", value: "8" });
    this.trials.addEventListener("input", () => this.judge());
    this.plan = h("div", { "aria-live": "polite", id: "sweep-plan" });
    this.begin = button(t("vary.start"), () => this.start(), { kind: "primary" });
    this.asked = 0;
  }

  draw() {
    const [first, more] = [this.settings.filter((one) => one.given.is_first), this.settings.filter((one) => !one.given.is_first)];
    fill(this.card, h("h2", {}, t("vary.title")), h("p", {}, t("vary.lead")), h("p", { class: "ts-soft ts-small" }, t("vary.rest")),
      h("h3", {}, t("vary.which")), first.map((one) => one.element),
      more.length ? h("details", {}, h("summary", {}, t("vary.more", { n: more.length })), more.map((one) => one.element)) : null,
      h("div", { class: "ts-fields" }, field(t("vary.trials"), this.trials, t("vary.trials_help")), field(t("vary.name"), this.name)),
      this.plan,
      h("div", { class: "ts-actions" }, this.begin, button(t("vary.close"), () => fill(this.card.parentElement))));
    this.judge();
  }

  get body() {
    const chosen = this.settings.filter((one) => one.chosen);
    return { name: this.name.value, spec: this.spec, trials: Number(this.trials.value), space: Object.fromEntries(chosen.map((one) => [one.given.name, one.space])) };
  }

  // The last change counts: an answer that comes late says nothing any more.
  async judge() {
    const asked = ++this.asked;
    const planned = await post("/api/v1/sweeps/plan", this.body).catch((error) => ({ faults: [{ field: "", message: error.message }], warnings: [] }));
    if (asked !== this.asked) return;
    this.begin.disabled = planned.faults.length > 0;
    fillWhenChanged(this.plan, planned, () => this.#told(planned));
  }

  #told(planned) {
    if (planned.faults.length) return [h("p", { class: "ts-error" }, t("vary.faults")), this.#list(planned.faults)];
    const told = { trials: count(planned.trials), steps: count(planned.steps), time: duration(planned.seconds) };
    const words = planned.steps === null || planned.seconds === null ? t("vary.plan_unknown", told) : t("vary.plan", told);
    return [h("p", { class: "ts-lead" }, words), planned.count ? h("p", { class: "ts-soft" }, t("vary.count", { n: count(planned.count) })) : null,
      planned.warnings.length ? [h("p", {}, t("vary.warnings")), this.#list(planned.warnings)] : null];
  }

  #list(faults) {
    const titles = new Map(this.settings.map((one) => [one.given.name, one.given.title]));
    titles.set("trials", t("vary.trials")).set("space", t("vary.which")).set("name", t("vary.name"));
    return h("ul", {}, faults.map(({ field: name, message }) => h("li", {}, h("strong", {}, titles.get(name) ?? name.replaceAll("_", " ")), ` ${message}`)));
  }

  async start() {
    const sweep = await post("/api/v1/sweeps", this.body);
    location.href = `/sweep?sweep=${sweep.id}`;
  }
}

// One setting: a box to tick, and what to try of it. Numbers from-to or listed, words to tick.
class Varied {
  constructor(given, changed) {
    this.given = given;
    this.changed = changed;
    this.chosen = given.is_first;
    const title = given.term.toLowerCase() === given.title.toLowerCase() ? given.title : `${given.title} (${given.term})`;
    this.detail = h("div", { class: "ts-fields", role: "group", "aria-label": title });
    const box = tick(`vary-${given.name}`, title, this.chosen, (on) => { this.chosen = on; this.#show(); changed(); });
    this.element = h("div", { class: "ts-varied" }, box, h("p", { class: "ts-soft ts-small" }, [given.help, t("vary.now", { value: this.#word(given.value) }), given.name === "rank" ? t("vary.with_rank") : ""].join(" ")), this.detail);
    this.inputs = "choices" in given.space ? this.#choices() : this.#range();
    fill(this.detail, this.inputs.elements);
    this.#show();
  }

  get space() { return this.inputs.read(); }

  #show() { this.detail.hidden = !this.chosen; }

  #word(value) {
    if (typeof value === "boolean") return t(value ? "yes" : "no");
    return this.given.words[value] ?? String(value);
  }

  #input(id, words, value) {
    const input = h("input", { type: "text", inputmode: "decimal", id, value: String(value), autocomplete: "off" });
    input.addEventListener("input", this.changed);
    return [input, field(words, input)];
  }

  #range() {
    const { name, space } = this.given;
    const [low, from] = this.#input(`vary-${name}-low`, t("vary.from"), space.low);
    const [high, to] = this.#input(`vary-${name}-high`, t("vary.to"), space.high);
    const rest = { ...(space.log ? { log: true } : {}), ...(space.step ? { step: space.step } : {}) };
    return { elements: [from, to], read: () => ({ low: figure(low.value), high: figure(high.value), ...rest }) };
  }

  #choices() {
    const { name, space } = this.given;
    if (typeof space.choices[0] === "number") {
      const [list, element] = this.#input(`vary-${name}-list`, t("vary.list"), space.choices.join("; "));
      return { elements: [element], read: () => ({ choices: list.value.split(/[;\s]+/).filter(Boolean).map(figure) }) };
    }
    const all = typeof space.choices[0] === "string" ? [...new Set([...space.choices, ...Object.keys(this.given.words)])] : space.choices;
    const on = new Set(space.choices);
    const boxes = all.map((value) => tick(`vary-${name}-${value}`, this.#word(value), on.has(value), (is) => { if (is) on.add(value); else on.delete(value); this.changed(); }));
    return { elements: [h("div", { class: "ts-ticks" }, boxes)], read: () => ({ choices: all.filter((value) => on.has(value)) }) };
  }
}

// A number as a person writes it; what is none stays text, and the studio says what is wrong.
function figure(text) {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() === "" || Number.isNaN(value) ? text : value;
}
