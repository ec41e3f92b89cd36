// The rows as bubbles: look, search, change or drop single ones, and keep the changes as a new version.

import { getWithHeaders, parameter } from "./api.js";
import { bubbles } from "./data_bubbles.js";
import { Changes, editor } from "./data_edit.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button } from "./parts.js";
import { t } from "./words.js";

const A_PAGE = 10;
const PAUSE = 300;
const NEXT = "Studio-Next-Row";

export async function drawRows(place, dataset, page) {
  const asked = Number(parameter("row"));
  const wanted = parameter("row") !== null && Number.isInteger(asked) ? asked : null;
  await new Rows(place, dataset, page).lay(wanted);
}

class Rows {
  constructor(place, dataset, page) {
    Object.assign(this, { place, dataset, page, start: 0, search: "", starts: [0], next: null, timer: null, asked: 0, wanted: null, editing: null });
    this.changes = new Changes(dataset.id);
  }

  async lay(wanted) {
    const search = h("input", { type: "search", id: "rows-search", placeholder: t("rows.search_hint"), maxlength: "200", "aria-label": t("rows.search") });
    search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => { this.search = search.value.trim(); this.starts = []; this.show(0); }, PAUSE);
    });
    this.bar = h("div", {});
    this.list = h("div", {});
    fill(this.place, this.bar, h("section", { class: "ts-card" }, h("h2", {}, t("data.rows")), search, this.list));
    this.wanted = wanted;
    await this.show(wanted === null ? 0 : wanted - (wanted % A_PAGE));
    if (wanted !== null) this.list.querySelector(`[data-row="${wanted}"]`)?.scrollIntoView({ block: "center" });
  }

  async show(start) {
    this.asked += 1;
    const { asked } = this;
    const where = this.search ? { search: this.search, after: start } : { start };
    const [rows, headers] = await getWithHeaders(`/api/v1/datasets/${this.dataset.id}/rows?${new URLSearchParams({ count: A_PAGE, ...where })}`);
    if (asked !== this.asked) return;
    const next = headers.get(NEXT);
    Object.assign(this, { start, rows, next: next === null ? null : Number(next) });
    this.#draw();
  }

  #draw() {
    fill(this.bar, this.#unsaved());
    fill(this.list, this.rows.length ? this.rows.map((row, index) => this.#row(row, row.row ?? this.start + index)) : h("p", { class: "ts-soft" }, t(this.next === null ? "rows.none" : "rows.none_yet")), this.#browse());
  }

  // A search goes on from the row where it stopped, which the studio names: a large file is searched in parts.
  #browse() {
    const turn = (to) => async () => { await this.show(to); this.place.scrollIntoView({ block: "start" }); };
    const onward = () => { if (this.search) this.starts.push(this.start); return turn(this.next)(); };
    const back = () => turn(this.search ? this.starts.pop() : Math.max(0, this.start - A_PAGE))();
    const words = this.search ? t("rows.found", { n: count(this.rows.length) }) : t("data.range", { from: count(this.rows.length ? this.start + 1 : 0), to: count(this.start + this.rows.length), all: count(this.dataset.rows_good) });
    return h("div", { class: "ts-actions" },
      button(t("data.before"), back, { disabled: this.search ? !this.starts.length : this.start === 0 }), h("span", { class: "ts-soft", role: "status" }, words),
      button(t(this.search ? "rows.go_on" : "data.after"), onward, { key: "onward", disabled: this.next === null }));
  }

  #row(row, number) {
    const content = this.changes.content(number) ?? row;
    const gone = this.changes.isDeleted(number);
    const note = gone ? t("rows.deleted") : this.changes.content(number) ? t("rows.changed") : null;
    const head = h("div", { class: "ts-row ts-between" },
      h("span", { class: "ts-soft ts-small" }, t("rows.number", { n: count(number + 1), line: count(row.line) }), row.split === "test" ? " " : null, row.split === "test" ? h("span", { class: "ts-chip" }, t("rows.exam")) : null, note ? h("strong", { class: "ts-note" }, ` · ${note}`) : null),
      h("span", { class: "ts-tools" }, this.#tools(number, gone)));
    const box = h("article", { class: `ts-conversation${number === this.wanted ? " ts-wanted" : ""}${gone ? " ts-gone" : ""}`, "data-row": number });
    if (this.editing === number) box.append(head, editor(content, { keep: (next) => this.#change(number, next, row), cancel: () => this.#edit(null) }));
    else box.append(head, ...[bubbles(content)].flat(Infinity).filter(Boolean));
    return box;
  }

  #tools(number, gone) {
    const undo = () => { this.changes.undo(number); this.#draw(); };
    const drop = () => { this.changes.drop(number); this.editing = null; this.#draw(); };
    if (gone) return button(t("undo"), undo, { kind: "link", key: `undo-${number}` });
    return [
      this.page.link(t("rows.learned"), "learned", { row: number }, "link"),
      button(t("rows.edit"), () => this.#edit(number), { kind: "link", key: `edit-${number}` }),
      this.changes.content(number) ? button(t("undo"), undo, { kind: "link", key: `undo-${number}` }) : null,
      button(t("delete"), drop, { kind: "link", key: `drop-${number}` }),
    ].filter(Boolean);
  }

  #edit(number) {
    this.editing = number;
    this.#draw();
    this.list.querySelector(".ts-editor textarea")?.focus();
  }

  #change(number, next, before) {
    this.changes.change(number, next, before);
    this.#edit(null);
  }

  // What waits to be saved stays in sight.
  #unsaved() {
    const { changed, deleted } = this.changes.counts;
    if (!changed && !deleted) return null;
    const save = async () => {
      const operation = this.changes.operation;
      await this.page.make(operation);
      this.changes.clear();
    };
    return h("section", { class: "ts-card ts-unsaved", role: "status" }, h("p", {}, t("rows.unsaved", { changed: count(changed), deleted: count(deleted) })),
      h("div", { class: "ts-actions" }, button(t("rows.save"), save, { kind: "primary" }), button(t("rows.undo_all"), () => { this.changes.clear(); this.#draw(); })));
  }
}
