// The runs that have ended, by the page and by name, each with a box to compare it; the newest come first.

import { getWithHeaders } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { button, link } from "./parts.js";
import { t } from "./words.js";

const A_PAGE = 20;
const ENDED = ["finished", "stopped", "failed", "discarded"].map((status) => `status=${status}`).join("&");
const MOST = 20;

export class Ended {
  // `card` draws a run with a box beside its name.
  constructor(card) {
    this.card = card;
    this.shown = A_PAGE;
    this.words = "";
    this.chosen = new Map();
    this.runs = [];
    const search = h("input", { type: "search", id: "find-run", "aria-label": t("runs.search"), placeholder: t("runs.search") });
    search.addEventListener("input", () => { this.words = search.value.trim(); this.shown = A_PAGE; this.look(); });
    this.search = h("div", { class: "ts-field", hidden: true }, search);
    this.list = h("div", {});
    this.bar = h("div", {});
    this.element = h("section", {}, h("h2", {}, t("runs.ended")), this.search, this.list, this.bar);
  }

  async look() {
    await this.read();
    this.draw();
  }

  // Reads so many as are shown; returns how many there are in all.
  async read() {
    const asked = this.words;
    const query = `${ENDED}&search=${encodeURIComponent(asked)}`;
    const [runs, headers] = await getWithHeaders(`/api/v1/runs/lines?${query}&limit=${Math.min(this.shown, 500)}`);
    if (asked !== this.words) return this.total; // something else was asked for meanwhile
    this.runs = runs;
    this.total = Number(headers.get("X-Total"));
    return this.total;
  }

  draw() {
    this.search.hidden = !this.words && this.total <= A_PAGE;
    const key = [this.runs, this.total, this.words, [...this.chosen.keys()].length >= MOST];
    fillWhenChanged(this.list, key, () => (this.runs.length ? [this.runs.map((run) => this.card(run, this.#box(run))), this.#more()] : h("p", { class: "ts-soft" }, t(this.words ? "runs.nothing_found" : "runs.ended_none"))));
    this.#compare();
  }

  #more() {
    if (this.total <= A_PAGE) return null;
    const words = h("span", { class: "ts-soft" }, t("runs.shown", { n: this.runs.length, all: this.total }));
    const more = this.runs.length < this.total && this.shown < 500 ? button(t("runs.more"), () => { this.shown += A_PAGE; return this.look(); }, { key: "more-runs" }) : null;
    return h("div", { class: "ts-actions" }, words, more);
  }

  #box(run) {
    const checked = this.chosen.has(run.id);
    const box = h("input", { type: "checkbox", checked, "data-key": `compare-${run.id}`, "aria-label": t("compare.tick", { name: run.name }), disabled: !checked && this.chosen.size >= MOST });
    box.addEventListener("change", () => {
      if (box.checked) this.chosen.set(run.id, run.name); else this.chosen.delete(run.id);
      this.draw();
    });
    return h("label", { class: "ts-tick-run" }, box);
  }

  // Stays in view below the list once a run is chosen.
  #compare() {
    const ids = [...this.chosen.keys()];
    fillWhenChanged(this.bar, ids, () => (ids.length ? h("div", { class: "ts-card ts-compare-bar" }, link(t("compare.go", { n: ids.length }), `/compare?runs=${ids.join(",")}`, "primary"), h("span", { class: "ts-soft" }, [...this.chosen.values()].join(", "))) : []));
  }
}
