// Votes, marks and corrections as data: how many rows would come of them, what gives none, and one click makes them.

import { get, poll, post } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, link, progress, tick } from "./parts.js";
import { t } from "./words.js";

const KINDS = [
  { kind: "preference", title: "feedback.preference", words: "feedback.preference_words", train: "feedback.train_preference" },
  { kind: "kto", title: "feedback.kto", words: "feedback.kto_words", train: "feedback.train_kto" },
  { kind: "sft", title: "feedback.sft", words: "feedback.sft_words", train: "feedback.train_sft" },
];

// `asked`: which votes, as in the address of the leaderboard. `best`: who leads it; training begins with its base model.
export async function drawData(root, asked, best) {
  const cards = KINDS.map((about) => new Kind(about, asked, best));
  await Promise.all(cards.map((card) => card.look()));
  const some = cards.some((card) => card.found.rows || card.found.left.length);
  fill(root, some ? h("section", { class: "ts-card", id: "feedback" }, h("h2", {}, t("feedback.title")), h("p", { class: "ts-soft" }, t("feedback.words")), h("div", { class: "ts-doors" }, cards.map((card) => card.element))) : null);
}

class Kind {
  constructor(about, asked, best) {
    this.about = about;
    this.asked = asked;
    this.best = best;
    this.withVotes = false;
    this.element = h("article", { class: "ts-card ts-door", id: `feedback-${about.kind}` });
  }

  get path() { return `/api/v1/feedback/${this.about.kind}?${this.asked}${this.withVotes ? "&with_votes=true" : ""}`; }

  async look() {
    this.found = await get(this.path);
    this.#draw();
  }

  #draw() {
    const { rows, left } = this.found;
    this.made = h("div", { "aria-live": "polite" });
    fill(this.element, h("h3", {}, t(this.about.title)), h("p", {}, t(this.about.words)),
      this.about.kind === "kto" ? tick("feedback-with-votes", t("feedback.with_votes"), this.withVotes, (on) => { this.withVotes = on; return this.look(); }) : null,
      h("strong", {}, rows === 1 ? t("feedback.one_row") : t("feedback.rows", { n: count(rows) })),
      left.length ? h("details", {}, h("summary", {}, t("feedback.left", { n: count(left.reduce((sum, one) => sum + one.count, 0)) })), h("ul", {}, left.map((one) => h("li", {}, one.words)))) : null,
      rows ? button(t("feedback.make"), () => this.#make(), { kind: "primary", key: `make-${this.about.kind}` }) : null, this.made);
  }

  async #make() {
    const { id } = await post(this.path, {});
    const end = poll(async () => {
      const dataset = await get(`/api/v1/datasets/${id}`);
      if (dataset.status === "waiting" || dataset.status === "working") return void fill(this.made, progress(dataset.progress, t("feedback.reading")));
      end();
      fill(this.made, dataset.status === "ready" ? await this.#ready(dataset) : h("p", { class: "ts-error" }, `${dataset.error} ${dataset.hint ?? ""}`));
    }, 1);
  }

  async #ready({ id, name, rows_good }) {
    const base = this.best && (await get("/api/v1/contestants")).find((one) => one.name === this.best)?.base_id;
    const train = `/train?dataset=${id}${base ? `&model=${base}` : ""}`;
    return [h("p", {}, t("feedback.made", { name, n: count(rows_good) })), h("div", { class: "ts-actions" }, link(t(this.about.train), train, "primary"), link(t("feedback.report"), `/data?dataset=${id}`))];
  }
}
