// Where the questions come from: typed, or one after the other out of a set, and why this one is next.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { button, choice } from "./parts.js";
import { t } from "./words.js";

export class Questions {
  // `prompt` is the field that is filled in; `pair` gives the names of two contestants, as far as they may be told.
  constructor(prompt, sets, pair) {
    this.prompt = prompt;
    this.sets = sets;
    this.pair = pair;
    this.chosen = "";
    this.given = []; // numbers of the set's questions that were filled in here
    this.why = h("p", { class: "ts-soft ts-small", "aria-live": "polite" });
    this.element = h("div", { class: "ts-questions" });
    this.#draw();
  }

  show(id) {
    this.chosen = this.sets.some((set) => set.id === id) ? id : "";
    this.#draw();
  }

  // Fills in the next question, where a set is chosen and nothing is typed.
  async next() {
    fill(this.why);
    if (!this.chosen || this.prompt.value.trim()) return;
    const found = await this.#find();
    if (found.number !== null) this.given.push(found.number);
    this.prompt.value = found.text ?? "";
    fill(this.why, found.text === null ? found.why || t("questions.none_left") : found.why);
  }

  // Of two the studio knows on which question a vote tells most; else it is the order of the set.
  async #find() {
    const names = this.pair();
    if (names.length === 2) {
      const query = new URLSearchParams([["prompt_set", this.chosen], ["a", names[0]], ["b", names[1]], ...this.given.map((number) => ["skip", number])]);
      return get(`/api/v1/next-prompt?${query}`);
    }
    const { prompts } = await get(`/api/v1/prompt-sets/${this.chosen}`);
    const number = prompts.findIndex((_, index) => !this.given.includes(index));
    return number < 0 ? { text: null, number: null, why: "" } : { text: prompts[number].text, number, why: "" };
  }

  #draw() {
    if (!this.sets.length) return fill(this.element);
    const options = [["", t("questions.own")], ...this.sets.map(({ id, name }) => [id, name])];
    const select = choice("question-set", options, this.chosen, (id) => this.#choose(id));
    fill(this.element, h("div", { class: "ts-row" }, h("label", { for: "question-set" }, t("questions.from")), select,
      this.chosen ? button(t("questions.another"), () => this.#another()) : null), this.why);
  }

  async #choose(id) {
    this.chosen = id;
    this.given = [];
    this.#draw();
    if (id) await this.#another(); else fill(this.why);
  }

  async #another() {
    this.prompt.value = "";
    await this.next();
  }
}
