// The form that puts all questions of a set to one to four models.

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, choice, empty, field, link } from "./parts.js";
import { Settings } from "./playground_settings.js";
import { Who } from "./playground_who.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

// `save` keeps what was changed in the questions.
export async function askForm(set, save) {
  const [contestants, kept, profiles] = await Promise.all([get("/api/v1/contestants?own=true"), get("/api/v1/system-prompts"), get("/api/v1/safety/profiles")]);
  if (!contestants.length) return empty(t("chat.empty.title"), t("chat.empty.words"), button(t("sample.try"), startSample, { kind: "primary" }), link(t("nav.models"), "/models"));
  return new AskForm(set, save, contestants, kept, profiles).element;
}

class AskForm {
  constructor(set, save, contestants, kept, profiles) {
    this.set = set;
    this.save = save;
    this.told = h("p", { class: "ts-soft", role: "status", id: "ask-plan" });
    this.faults = h("div", { "aria-live": "assertive" });
    this.who = new Who(contestants, () => this.#plan());
    this.who.show(this.#first(contestants), { blind: false });
    this.settings = new Settings(kept);
    this.profile = choice("ask-profile", [["", t("ask.profile.none")], ...profiles.filter(({ faults }) => !faults?.length).map(({ id, name }) => [id, name])]);
    this.element = h("section", { class: "ts-card", id: "ask" }, h("h2", {}, t("ask.title")), h("p", { class: "ts-soft" }, t("ask.words")),
      h("h3", {}, t("ask.who")), this.who.element, this.settings.element,
      field(t("ask.profile"), this.profile, t("ask.profile_help")), this.faults, this.told,
      h("div", { class: "ts-actions" }, button(t("ask.go"), () => this.#ask(), { kind: "primary" })));
    this.#plan();
  }

  // As the playground begins; where that is one alone, somebody else beside it.
  #first(contestants) {
    const asked = new URLSearchParams(location.search).getAll("with").filter((name) => contestants.some((one) => one.name === name));
    if (asked.length) return asked;
    const found = this.who.first([]);
    const other = contestants.find(({ name }) => !found.includes(name));
    return found.length < 2 && other ? [...found, other.name] : found;
  }

  #plan() {
    const models = this.who.names.length;
    fill(this.told, t(models === 1 ? "ask.plan_one" : "ask.plan", { questions: count(this.set.count), models, n: count(this.set.count * models) }));
  }

  async #ask() {
    fill(this.faults);
    await this.save();
    const sampling = this.settings.values();
    const body = { contestants: this.who.names, prompt_set_id: this.set.id, sampling, system: this.settings.system.value, ...(this.profile.value ? { profile_id: this.profile.value } : {}) };
    try {
      const made = await post("/api/v1/evaluations", body);
      location.href = `/prompts?evaluation=${made.id}`;
    } catch (error) {
      if (!error.faults?.length) throw error;
      fill(this.faults, h("ul", { class: "ts-problem ts-list" }, error.faults.map(({ message }) => h("li", {}, message))));
    }
  }
}
