// One dataset: what it is, what the worker asks or has found, and its sections, each at an address of its own.

import { get, parameter, poll, post, remove } from "./api.js";
import { drawCare } from "./data_care.js";
import { drawLearned } from "./data_learned.js";
import { drawLength } from "./data_length.js";
import { drawColumns, drawMapping } from "./data_mapping.js";
import { drawPrepare } from "./data_prepare.js";
import { drawReport } from "./data_report.js";
import { drawRows } from "./data_rows.js";
import { drawVersions } from "./data_versions.js";
import { title } from "./data_words.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { bytes, count } from "./format.js";
import { button, chip, empty, fact, link, notice, problem, progress } from "./parts.js";
import { t } from "./words.js";

const VIEWS = [
  ["report", "view.report", drawReport],
  ["care", "view.care", drawCare],
  ["length", "view.length", drawLength],
  ["rows", "view.rows", drawRows],
  ["learned", "view.learned", drawLearned],
  ["prepare", "view.prepare", drawPrepare],
  ["versions", "view.versions", drawVersions],
];
const COLUMNS = ["columns", "view.report", drawColumns]; // reached from the report, not a tab
const BUSY = ["waiting", "working"];

export function drawOne(root, id) { new DatasetPage(root, id).start(); }

class DatasetPage {
  constructor(root, id) {
    Object.assign(this, { root, id, dataset: null, ended: false, drawing: 0, path: `/api/v1/datasets/${id}` });
  }

  start() {
    this.head = h("section", { class: "ts-card" });
    this.tabs = h("nav", { class: "ts-tabs", "aria-label": t("view.all") });
    this.place = h("div", { class: "ts-view" });
    fill(this.root, h("p", {}, h("a", { href: "/data" }, t("data.back"))), this.head, this.tabs, this.place);
    addEventListener("popstate", () => this.show());
    poll(() => this.#look(), 1);
  }

  // Where a section leads: a link that draws its target on the spot.
  link(words, view, more = {}, kind = null) {
    const href = this.address(view, more);
    const onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.go(view, more);
    };
    return h("a", { href, onclick, class: kind ? `ts-button ts-${kind}` : undefined, "data-key": `${view}${JSON.stringify(more)}` }, words);
  }

  address(view, more = {}) { return `/data?${new URLSearchParams({ dataset: this.id, view, ...more })}`; }

  go(view, more = {}) {
    history.pushState(null, "", this.address(view, more));
    this.show();
  }

  rowLink(row) { return this.link(t("care.row", { n: count(row + 1) }), "rows", { row }); }

  // Makes a new version, and goes to it.
  async make(operation, name) {
    const made = await post("/api/v1/datasets/versions", { operation, ...(name ? { name } : {}) });
    location.href = `/data?dataset=${made.id}`;
  }

  async #look() {
    if (this.ended) return;
    try {
      this.dataset = await get(this.path);
    } catch (error) {
      if (error.status === 404) this.#gone(error);
      throw error;
    }
    const { dataset } = this;
    fillWhenChanged(this.head, [dataset.status, dataset.progress, dataset.stage, dataset.error, dataset.name, dataset.rows_good], () => this.#found());
    if (BUSY.includes(dataset.status)) return void fill(this.place);
    this.ended = true;
    this.show();
  }

  #gone(error) {
    this.ended = true;
    fill(this.root, empty(t("data.gone"), error.message, link(t("nav.data"), "/data", "primary")));
  }

  show() {
    if (!this.dataset || BUSY.includes(this.dataset.status)) return;
    this.drawing += 1;
    const { dataset } = this;
    if (dataset.status === "unsure") return void drawMapping(this.place, dataset);
    if (dataset.status !== "ready") return void fill(this.place);
    const [view, , draw] = [...VIEWS, COLUMNS].find(([name]) => name === parameter("view")) ?? VIEWS[0];
    fill(this.tabs, VIEWS.map(([name, key]) => this.#tab(t(key), name, name === view)));
    this.tabs.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    fill(this.place);
    const place = h("div", {});
    this.place.append(place);
    draw(place, dataset, this);
  }

  #tab(words, view, current) {
    const tab = this.link(words, view);
    if (current) tab.setAttribute("aria-current", "page");
    return tab;
  }

  // Whether a section that waits for something is still the one that is shown.
  shows(drawing) { return this.drawing === drawing; }

  // Pairs and judged answers can be learned from as they are, or be made into conversations.
  #next() {
    const train = link(t("data.train"), `/train?dataset=${this.id}`, "primary");
    if (["chat", "text"].includes(this.dataset.target)) return train;
    return [train, button(t("prepare.chosen"), () => this.make({ kind: "chosen", dataset_id: this.id }))];
  }

  #found() {
    const { dataset } = this;
    const ready = dataset.status === "ready";
    return [
      h("div", { class: "ts-row ts-between" }, h("h2", {}, dataset.name), chip(dataset.status)),
      dataset.operation ? h("p", { class: "ts-soft" }, title(dataset.operation)) : null,
      dataset.error ? problem(dataset.error, dataset.hint) : null,
      BUSY.includes(dataset.status) ? progress(dataset.progress, dataset.stage || t("data.soon")) : null,
      BUSY.includes(dataset.status) && dataset.operation?.kind === "answers" ? this.#stop() : null,
      ready ? this.#facts() : null,
      ready ? h("div", { class: "ts-actions" }, this.#next(), this.#downloads()) : null,
      dataset.status === "failed" ? h("div", { class: "ts-actions" }, button(t("retry"), async () => { await post(`${this.path}/retry`); location.reload(); })) : null,
    ];
  }

  // Answers take long: they can be stopped here; brought back, they go on where they were.
  #stop() {
    const back = async () => { await post(`${this.path}/restore`); location.reload(); };
    return h("div", { class: "ts-actions" }, button(t("answers.stop"), async () => { await remove(this.path); notice(t("answers.stopped"), { undo: back }); }));
  }

  #facts() {
    const { dataset } = this;
    return h("div", { class: "ts-facts" },
      fact(t("data.good"), count(dataset.rows_good)), fact(t("data.repaired"), count(dataset.rows_repaired ?? 0)),
      fact(t("data.refused"), count(dataset.rows_refused)), fact(t("data.held_out"), count(dataset.rows_held_out ?? 0)),
      fact(t("data.size"), bytes(dataset.bytes)), fact(t("data.hash"), dataset.sha256.slice(0, 12), dataset.sha256));
  }

  #downloads() {
    const as = ([format, words]) => link(words, `${this.path}/export?format=${format}`);
    const formats = [["jsonl", t("data.as_jsonl")], ["csv", t("data.as_csv")], ["parquet", t("data.as_parquet")]];
    return h("details", { class: "ts-menu" }, h("summary", { class: "ts-button" }, t("data.download")),
      h("div", { class: "ts-actions" }, formats.map(as), this.dataset.operation ? null : link(t("data.original"), `${this.path}/original`)));
  }
}
