// Runs side by side: their curves over steps, tokens or time, what their settings differ in, and how far each came.

import { get, parameter, poll } from "./api.js";
import { drawLines } from "./chart.js";
import { progressed, reading } from "./compare_axis.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { bytes, count, duration, number } from "./format.js";
import { sample } from "./lines.js";
import { button, chip, choice, empty, link } from "./parts.js";
import { CHARTS } from "./run_curves.js";
import { t } from "./words.js";

const ACTIVE = ["queued", "starting", "running"];
const MOST = 20;
const AXES = ["step", "tokens", "seconds"];
const OTHERS = ["learning_rate", "grad_norm", "tokens_per_second", "memory_bytes", ...CHARTS.flatMap(([, parts]) => parts)];

export async function draw(root) {
  const page = new ComparePage(root, (parameter("runs") ?? "").split(",").filter(Boolean));
  await page.start();
}

class ComparePage {
  constructor(root, ids) {
    this.root = root;
    this.ids = ids;
    this.view = { axis: "step", smoothing: 0, log: false, more: "" };
    this.found = null;
  }

  async start() {
    this.choices = await get("/api/v1/runs/lines?limit=200");
    if (!this.choices.length) return fill(this.root, empty(t("compare.none.title"), t("compare.none.words"), link(t("runs.new"), "/train", "primary")));
    this.#lay();
    poll(async () => { if (this.#isMoving()) await this.#look(); }, 3);
  }

  #isMoving() { return this.ids.length > 0 && (!this.found || this.found.runs.some((run) => ACTIVE.includes(run.status))); }

  #lay() {
    this.chosen = h("div", {});
    this.problem = h("div", {});
    this.summary = h("p", { "aria-live": "polite", id: "compare-summary" });
    this.missing = h("p", { class: "ts-soft ts-small" });
    this.charts = new Map(["loss", "eval_loss", "more"].map((name) => [name, this.#chart(name)]));
    this.controls = h("div", { class: "ts-controls" });
    this.table = h("div", { class: "ts-scroll", tabindex: "0" });
    this.differences = h("div", { class: "ts-scroll", tabindex: "0" });
    this.cards = [
      h("section", { class: "ts-card" }, h("h2", {}, t("compare.curves")), this.controls, this.summary, this.missing, [...this.charts.values()].map(({ block }) => block)),
      h("section", { class: "ts-card" }, h("h2", {}, t("compare.how_far")), this.table),
      h("section", { class: "ts-card" }, h("h2", {}, t("compare.settings")), this.differences),
    ];
    fill(this.root, h("section", { class: "ts-card" }, h("h2", {}, t("compare.which")), this.chosen, this.problem), this.cards);
    this.#show();
    new MutationObserver(() => this.#redraw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  #chart(name) {
    const title = h("h3", {}, name === "more" ? "" : t(`curve.${name}`));
    const place = h("div", { class: "ts-chart ts-chart-large", role: "img", "aria-describedby": "compare-summary" });
    return { title, place, block: h("div", { hidden: true }, title, place) };
  }

  // What is compared is in the address, so that it can be kept and passed on.
  async #choose(ids) {
    this.ids = ids;
    this.found = null;
    history.replaceState(null, "", `${location.pathname}?runs=${ids.join(",")}`);
    this.#show();
    if (ids.length) await this.#look();
  }

  #show() {
    for (const card of this.cards) card.hidden = !this.ids.length;
    fill(this.chosen, this.#legend(), this.#adding());
    fill(this.problem);
  }

  #legend() {
    const known = (id) => this.found?.runs.find((run) => run.id === id) ?? this.choices.find((run) => run.id === id);
    const entry = (id, index) => {
      const run = known(id);
      return h("li", { class: "ts-row" }, sample(index), h("a", { href: `/run?run=${id}` }, run?.name ?? id), run ? chip(run.status) : null,
        button(t("compare.leave_out"), () => this.#choose(this.ids.filter((other) => other !== id)), { kind: "link", key: `out-${id}`, title: t("compare.leave_out_one", { name: run?.name ?? id }) }));
    };
    return this.ids.length ? h("ul", { class: "ts-legend" }, this.ids.map(entry)) : h("p", { class: "ts-soft" }, t("compare.empty"));
  }

  #adding() {
    if (this.ids.length >= MOST) return null;
    const left = this.choices.filter((run) => !this.ids.includes(run.id));
    const options = [["", t("compare.add")], ...left.map((run) => [run.id, run.name])];
    return h("label", { for: "add-run", class: "ts-field" }, t("compare.add_label"), choice("add-run", options, "", (id) => id && this.#choose([...this.ids, id])));
  }

  async #look() {
    const asked = this.ids.join(",");
    const more = this.view.more ? `&curves=${this.view.more}` : "";
    try {
      const found = await get(`/api/v1/runs/compare?ids=${asked}${more}`);
      if (asked !== this.ids.join(",")) return; // others were chosen meanwhile
      this.found = found;
    } catch (error) {
      if (error.status === 0) throw error;
      for (const card of this.cards) card.hidden = true;
      return void fill(this.problem, h("p", { class: "ts-error" }, `${error.message} ${error.hint}`));
    }
    fill(this.chosen, this.#legend(), this.#adding());
    this.#redraw();
  }

  #redraw() {
    if (!this.found) return;
    fillWhenChanged(this.controls, this.#names(), () => this.#controls());
    const { axis, smoothing, log, more } = this.view;
    for (const [place, name] of [["loss", "loss"], ["eval_loss", "eval_loss"], ["more", more]]) {
      const { title, place: element, block } = this.charts.get(place);
      const lines = name ? progressed(this.found.runs, name, axis) : [];
      block.hidden = !lines.length;
      if (place === "more" && name) fill(title, t(`curve.${name}`));
      if (lines.length) drawLines(element, lines, { smoothing: place === "eval_loss" ? 0 : smoothing, log, title: t(`compare.axis.${axis}`), id: `${this.ids}${name}` });
    }
    const { words, missing } = reading(this.found.runs, axis);
    fill(this.summary, words);
    fill(this.missing, missing);
    fillWhenChanged(this.table, this.found.runs.map((run) => ({ ...run, curves: null })), () => this.#howFar());
    fillWhenChanged(this.differences, [this.found.differences, this.ids], () => this.#differing());
  }

  #names() { return OTHERS.filter((name) => this.found.runs.some((run) => run.names.includes(name))); }

  #controls() {
    const redraw = (name) => (value) => { this.view[name] = value; this.#redraw(); };
    const axis = choice("compare-axis", AXES.map((name) => [name, t(`compare.by.${name}`)]), this.view.axis, redraw("axis"));
    const more = choice("compare-more", [["", t("compare.no_more")], ...this.#names().map((name) => [name, t(`curve.${name}`)])], this.view.more, (name) => { this.view.more = name; return this.#look(); });
    const smoothing = h("input", { type: "range", min: "0", max: "0.95", step: "0.05", value: String(this.view.smoothing), id: "smoothing" });
    smoothing.addEventListener("input", () => redraw("smoothing")(Number(smoothing.value)));
    const log = h("input", { type: "checkbox", id: "log-axis", checked: this.view.log });
    log.addEventListener("change", () => redraw("log")(log.checked));
    return [
      h("label", { for: "compare-axis" }, t("compare.by"), axis), h("label", { for: "smoothing" }, t("run.smoothing"), smoothing),
      h("label", { for: "log-axis" }, log, t("run.log_axis")), h("label", { for: "compare-more" }, t("compare.more"), more),
    ];
  }

  #howFar() {
    const columns = [
      ["compare.best", (run) => (run.best_loss === null ? "–" : t("compare.best_at", { loss: number(run.best_loss), step: count(run.best_step) }))],
      ["run.step", (run) => count(run.step)], ["run.elapsed", (run) => duration(run.seconds)], ["compare.tokens", (run) => count(run.tokens)],
      ["run.memory", (run) => bytes(run.memory_bytes)],
    ];
    const row = (run, index) => h("tr", {}, h("th", { scope: "row" }, sample(index), " ", run.name), h("td", {}, t(`status.${run.status}`)), columns.map(([, value]) => h("td", {}, value(run))));
    const head = [t("compare.run"), t("compare.status"), ...columns.map(([title]) => t(title))];
    return table(head, this.found.runs.map(row));
  }

  #differing() {
    const { runs, differences } = this.found;
    if (runs.length < 2) return h("p", { class: "ts-soft" }, t("compare.alone"));
    if (!differences.length) return h("p", {}, t("compare.same"));
    const titled = ({ title, term }) => (term.toLowerCase() === title.toLowerCase() ? title : `${title} (${term})`);
    const row = (difference) => h("tr", {}, h("th", { scope: "row" }, titled(difference)), difference.words.map((words) => h("td", {}, words)));
    return table([t("compare.setting"), ...runs.map((run, index) => [sample(index), " ", run.name])], differences.map(row));
  }
}

function table(titles, rows) {
  return h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, titles.map((words) => h("th", { scope: "col" }, words)))), h("tbody", {}, rows));
}
