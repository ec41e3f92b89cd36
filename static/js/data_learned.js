// See what is learned: a row through the chosen model's own chat template, token by token.

import { parameter } from "./api.js";
import { answered, ask } from "./data_analysis.js";
import { chosen, noModel, picker, readyModels, remember } from "./data_model.js";
import { percent } from "./data_words.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, field } from "./parts.js";
import { drawTokens, legend } from "./tokens.js";
import { t } from "./words.js";

const AT_ONCE = 5;
const PAUSE = 400;

export async function drawLearned(place, dataset, page) {
  const choices = await readyModels();
  if (!choices.model) return fill(place, noModel());
  const row = Math.min(Math.max(0, Number(parameter("row")) || 0), Math.max(0, dataset.rows_good - 1));
  new Learned(place, dataset, page, choices).lay(row);
}

class Learned {
  constructor(place, dataset, page, choices) {
    Object.assign(this, { place, dataset, page, choices, drawing: page.drawing, known: new Map(), row: 0, timer: null });
  }

  lay(row) {
    const length = h("input", { type: "number", id: "learned-length", min: "16", step: "1", value: String(chosen().length) });
    length.addEventListener("input", () => {
      if (Number(length.value) < 16) return;
      remember({ length: Math.round(Number(length.value)) });
      clearTimeout(this.timer);
      this.timer = setTimeout(() => { this.known.clear(); this.show(this.row); }, PAUSE);
    });
    const settings = picker(this.choices, () => this.page.show());
    settings.append(field(t("length.field"), length));
    this.shown = h("section", { class: "ts-card" });
    fill(this.place, h("section", { class: "ts-card" }, h("h2", {}, t("view.learned")), h("p", { class: "ts-soft" }, t("learned.words")), settings), this.shown);
    return this.show(row);
  }

  async show(row) {
    this.row = row;
    history.replaceState(null, "", this.page.address("learned", { row }));
    const found = this.known.get(row) ?? await this.#fetch(row);
    if (!found || this.row !== row) return;
    fill(this.shown, this.#head(found), this.#browse(), legend(), drawTokens(found.tokens, found.cut_at ?? null),
      h("p", { class: "ts-soft ts-small" }, this.template ?? ""));
    const pressed = this.pressed && this.shown.querySelector(`[data-key="${this.pressed}"]`);
    pressed?.focus();
  }

  #head({ row, length, learned, tokens, cut_at: cut }) {
    const kept = cut === null || cut === undefined ? tokens.length : cut;
    return [
      h("h2", {}, t("learned.row", { n: count(row + 1) })),
      h("p", {}, t("learned.line", { length: count(length), learned: count(learned), share: percent(kept ? learned / kept : 0) })),
      learned ? null : h("p", { class: "ts-warning" }, t("learned.nothing")),
      kept < length ? h("p", { class: "ts-warning" }, t("learned.cut", { n: count(length - kept) })) : null,
    ];
  }

  #browse() {
    const last = this.dataset.rows_good - 1;
    const to = (row, key) => () => { this.pressed = key; return this.show(row); };
    return h("div", { class: "ts-actions" },
      button(t("learned.before"), to(this.row - 1, "row-before"), { key: "row-before", disabled: this.row <= 0 }),
      h("span", { class: "ts-soft" }, t("learned.of", { n: count(this.row + 1), all: count(last + 1) })),
      button(t("learned.after"), to(this.row + 1, "row-after"), { key: "row-after", disabled: this.row >= last }),
      this.page.link(t("learned.as_bubbles"), "rows", { row: this.row }));
  }

  // Fetches a few rows together, so that the next ones are there at once.
  async #fetch(row) {
    const rows = Array.from({ length: AT_ONCE }, (_, index) => row + index).filter((one) => one < this.dataset.rows_good);
    const { length, responseOnly } = chosen();
    const analysis = await ask(this.dataset, "preview", { rows, max_length: length, response_only: responseOnly }, this.choices.model);
    const result = await answered(analysis, this.shown, { shown: () => this.page.shows(this.drawing) && this.row === row, title: t("view.learned"), words: t("learned.working") });
    if (!result) return null;
    this.template = result.template;
    result.rows.forEach((one) => this.known.set(one.row, one));
    return this.known.get(row);
  }
}
