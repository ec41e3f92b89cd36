// How long the rows are for a chosen base model, and what a longest example would cut: drawn, and said in words.

import { get } from "./api.js";
import { answered, ask } from "./data_analysis.js";
import { chosen, noModel, picker, readyModels, remember } from "./data_model.js";
import { percent } from "./data_words.js";
import { fill, h, svg } from "./dom.js";
import { count } from "./format.js";
import { fact, field, link } from "./parts.js";
import { t } from "./words.js";

const PAUSE = 150;
const WIDE = 640;
const HIGH = 180;
const SHORTEST = 16;

export async function drawLength(place, dataset, page) {
  const { drawing } = page;
  const choices = await readyModels();
  if (!choices.model) return fill(place, noModel());
  const { responseOnly } = chosen();
  const below = h("div", {});
  fill(place, h("section", { class: "ts-card" }, h("h2", {}, t("view.length")), h("p", { class: "ts-soft" }, t("length.words")), picker(choices, () => page.show())), below);
  const analysis = await ask(dataset, "tokens", { response_only: responseOnly }, choices.model);
  const result = await answered(analysis, below, { shown: () => page.shows(drawing), title: t("length.working"), words: t("length.working_words") });
  if (result) fill(below, new Lengths(dataset, choices.model, responseOnly, result).draw());
}

class Lengths {
  constructor(dataset, model, responseOnly, result) {
    Object.assign(this, { dataset, model, responseOnly, result, longest: result.percentiles["100"], timer: null, asked: 0 });
    this.at = Math.min(Math.max(SHORTEST, chosen().length), Math.max(SHORTEST, this.longest));
  }

  draw() {
    this.verdict = h("div", { "aria-live": "polite" });
    this.mark = svg("line", { y1: 0, y2: HIGH, class: "ts-cut" });
    this.#move(this.at);
    const { result } = this;
    return [
      h("section", { class: "ts-card" }, h("h2", {}, t("length.histogram")), this.#histogram(),
        h("div", { class: "ts-facts" }, [["50", "length.half"], ["90", "length.most"], ["99", "length.nearly"], ["100", "length.longest"]].map(([at, key]) => fact(t(key), count(result.percentiles[at])))),
        h("p", { class: "ts-soft ts-small" }, t("length.tokens", { tokens: count(result.tokens), learned: percent(result.learned_share) }), " ", result.counted === "batch" && result.why ? result.why : "")),
      h("section", { class: "ts-card" }, h("h2", {}, t("length.limit")), this.#controls(), this.verdict,
        result.nothing_learned ? h("p", { class: "ts-warning" }, t("length.nothing_learned", { n: count(result.nothing_learned) })) : null,
        h("div", { class: "ts-actions" }, link(t("data.train"), `/train?dataset=${this.dataset.id}&model=${this.model}`, "primary"))),
    ];
  }

  #controls() {
    const most = Math.max(SHORTEST, this.longest);
    const number = h("input", { type: "number", id: "length-field", min: String(SHORTEST), step: "1", value: String(this.at) });
    const slider = h("input", { type: "range", id: "length-slider", min: String(SHORTEST), max: String(most), step: "1", value: String(Math.min(this.at, most)), "aria-label": t("length.field") });
    slider.addEventListener("input", () => { number.value = slider.value; this.#move(Number(slider.value)); });
    number.addEventListener("input", () => {
      const value = Math.round(Number(number.value));
      if (value >= SHORTEST) { slider.value = String(value); this.#move(value); }
    });
    return h("div", { class: "ts-length" }, field(t("length.field"), number, t("length.field_help")), slider);
  }

  #move(at) {
    this.at = at;
    remember({ length: at });
    const x = (WIDE * Math.min(at, this.longest)) / Math.max(1, this.longest);
    this.mark.setAttribute("x1", x);
    this.mark.setAttribute("x2", x);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#judge(), PAUSE);
  }

  async #judge() {
    this.asked += 1;
    const { asked } = this;
    const query = new URLSearchParams({ base_model_id: this.model, max_length: this.at, response_only: this.responseOnly });
    const found = await get(`/api/v1/datasets/${this.dataset.id}/length?${query}`);
    if (asked !== this.asked) return;
    const share = (rows) => (found.rows ? rows / found.rows : 0);
    fill(this.verdict, h("div", { class: "ts-facts" },
      fact(t("length.cut"), `${percent(share(found.cut))} (${count(found.cut)})`),
      fact(t("length.lost"), `${percent(share(found.lost))} (${count(found.lost)})`),
      fact(t("length.learned"), percent(found.learned_share))),
    found.lost ? h("p", { class: "ts-warning" }, t("length.lost_words", { n: count(found.lost), length: count(this.longest) })) : h("p", { class: "ts-soft" }, found.cut ? t("length.cut_words") : `✓ ${t("length.fits")}`));
  }

  #histogram() {
    const bins = this.result.histogram;
    const most = Math.max(1, ...bins.map(({ rows }) => rows));
    const scale = WIDE / Math.max(1, this.longest);
    const words = t("length.summary", { half: count(this.result.percentiles["50"]), most: count(this.result.percentiles["90"]), longest: count(this.longest) });
    const bars = bins.map(({ from, to, rows }) => {
      const tall = rows ? Math.max(2, (HIGH * rows) / most) : 0;
      const bar = svg("rect", { x: from * scale, y: HIGH - tall, width: Math.max(1, (to - from) * scale - 1.5), height: tall, rx: 1.5, class: "ts-bin" });
      bar.append(svg("title", {}, t("length.bin", { from: count(from), to: count(to), n: count(rows) })));
      return bar;
    });
    return h("figure", { class: "ts-figure" }, svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH + 1}`, preserveAspectRatio: "none", role: "img", "aria-label": words, class: "ts-histogram" }, bars, svg("line", { x1: 0, x2: WIDE, y1: HIGH, y2: HIGH, class: "ts-base" }), this.mark),
      h("div", { class: "ts-row ts-between ts-soft ts-small" }, h("span", {}, "0"), h("span", {}, t("length.axis")), h("span", {}, count(this.longest))),
      h("figcaption", { class: "ts-soft" }, words));
  }
}
