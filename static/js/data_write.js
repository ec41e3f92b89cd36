// A table to write questions and answers in, or to paste them into from a spreadsheet; kept in this browser until saved.

import { post } from "./api.js";
import { pasted, withoutHeading } from "./data_table.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, field, notice, tick } from "./parts.js";
import { t } from "./words.js";
import { blank, filled, forget, keep, kept } from "./written.js";

const AT_ONCE = 100;
const LABELS = { question: "role.user", answer: "role.assistant", system: "role.system" };

export function drawWriting(root) { new Writing(root).lay(); }

class Writing {
  constructor(root) {
    this.root = root;
    const before = kept();
    this.rows = before.rows;
    this.name = before.name;
    this.withSystem = before.withSystem;
    this.shown = AT_ONCE;
  }

  get columns() { return this.withSystem ? ["question", "answer", "system"] : ["question", "answer"]; }

  lay() {
    const name = h("input", { type: "text", id: "written-name", value: this.name, maxlength: "120", placeholder: t("write.name_hint") });
    name.addEventListener("input", () => { this.name = name.value; this.#keep(); });
    this.body = h("tbody", {});
    this.head = h("thead", {});
    this.foot = h("div", { class: "ts-actions" });
    this.counted = h("p", { class: "ts-soft", role: "status" });
    const system = tick("written-system", t("write.system"), this.withSystem, (on) => { this.withSystem = on; this.#keep(); this.#draw(); });
    this.table = h("table", { class: "ts-write" }, this.head, this.body);
    this.table.addEventListener("paste", (event) => this.#paste(event));
    this.table.addEventListener("keydown", (event) => this.#keys(event));
    fill(this.root, h("p", {}, h("a", { href: "/data" }, t("data.back"))),
      h("section", { class: "ts-card", id: "write" }, h("h2", {}, t("write.title")), h("p", { class: "ts-soft" }, t("write.words")),
        h("div", { class: "ts-fields" }, field(t("write.name"), name), system), this.table, this.foot, this.counted,
        h("div", { class: "ts-actions" }, button(t("write.save"), () => this.#save(), { kind: "primary" }), button(t("write.clear"), () => this.#clear(), { kind: "link" }))));
    this.#draw();
  }

  #draw() {
    if (!this.rows.length || filled(this.rows.at(-1))) this.rows.push(blank());
    fill(this.head, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "ts-hidden" }, t("write.number"))), this.columns.map((column) => h("th", { scope: "col" }, t(LABELS[column]))), h("th", { scope: "col" }, h("span", { class: "ts-hidden" }, t("delete")))));
    fill(this.body, this.rows.slice(0, this.shown).map((row, index) => this.#line(row, index)));
    const rest = this.rows.length - this.shown;
    fill(this.foot, button(t("write.add"), () => this.#add(), { key: "add" }), rest > 0 ? button(t("write.more", { n: count(rest) }), () => { this.shown += AT_ONCE; this.#draw(); }, { key: "more" }) : null);
    this.#count();
  }

  #line(row, index) {
    const away = h("button", { class: "ts-close", type: "button", "aria-label": t("write.delete", { n: count(index + 1) }), onclick: () => this.#delete(index) }, "×");
    return h("tr", {}, h("th", { scope: "row" }, count(index + 1)), this.columns.map((column) => h("td", { "data-label": t(LABELS[column]) }, this.#cell(row, column, index))), h("td", {}, away));
  }

  #cell(row, column, index) {
    const area = h("textarea", { rows: "2", "aria-label": t("write.cell", { column: t(LABELS[column]), n: count(index + 1) }), "data-row": index, "data-column": column, dir: "auto" });
    area.value = row[column] ?? "";
    area.addEventListener("input", () => {
      row[column] = area.value;
      this.#keep();
      this.#count();
      if (index === this.rows.length - 1 && index < this.shown) this.#extend();
    });
    return area;
  }

  // There is always an empty line at the end.
  #extend() {
    this.rows.push(blank());
    this.shown = Math.max(this.shown, this.rows.length);
    this.body.append(this.#line(this.rows.at(-1), this.rows.length - 1));
  }

  #add() {
    this.rows.push(blank());
    this.shown = Math.max(this.shown, this.rows.length);
    this.#draw();
    this.#focus(this.rows.length - 1, "question");
  }

  #delete(index) {
    const [row] = this.rows.splice(index, 1);
    this.#keep();
    this.#draw();
    this.#focus(Math.min(index, this.rows.length - 1), "question");
    if (filled(row)) notice(t("write.deleted", { n: count(index + 1) }), { undo: () => { this.rows.splice(index, 0, row); this.#keep(); this.#draw(); } });
  }

  #paste(event) {
    const found = pasted(event.clipboardData.getData("text/plain"));
    const { row, column } = event.target.dataset;
    if (!found || row === undefined) return;
    event.preventDefault();
    const lines = withoutHeading(found);
    const before = structuredClone(this.rows);
    if (lines.some((line) => line.length > 2 && column === "question")) this.#showSystem();
    const names = this.columns.slice(this.columns.indexOf(column));
    lines.forEach((line, offset) => {
      const at = Number(row) + offset;
      while (this.rows.length <= at) this.rows.push(blank());
      names.forEach((name, place) => { if (line[place] !== undefined) this.rows[at][name] = line[place]; });
    });
    this.#keep();
    this.#draw();
    this.#focus(Number(row), column);
    notice(t("write.pasted", { n: count(lines.length) }), { undo: () => { this.rows = before; this.#keep(); this.#draw(); } });
  }

  #showSystem() {
    this.withSystem = true;
    this.root.querySelector("#written-system").checked = true;
  }

  // Ctrl and Enter go to the next line, as Enter does in a spreadsheet; Enter alone stays for lines within an answer.
  #keys(event) {
    const { row, column } = event.target.dataset;
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || row === undefined) return;
    event.preventDefault();
    if (Number(row) + 1 >= this.rows.length) this.#extend();
    this.#focus(Number(row) + 1, column);
  }

  #focus(row, column) { this.body.querySelector(`[data-row="${row}"][data-column="${column}"]`)?.focus(); }

  #count() {
    const complete = this.rows.filter(({ question, answer }) => question.trim() && answer.trim()).length;
    const half = this.rows.filter((row) => filled(row) && !(row.question.trim() && row.answer.trim())).length;
    fill(this.counted, t("write.count", { n: count(complete) }), half ? ` ${t("write.half", { n: count(half) })}` : "");
  }

  async #save() {
    const rows = this.rows.filter(filled).map((row) => ({ question: row.question, answer: row.answer, ...(this.withSystem && row.system.trim() ? { system: row.system } : {}) }));
    if (!rows.length) throw new Error(t("write.nothing"));
    const dataset = await post("/api/v1/datasets/written", { name: this.name.trim() || t("write.unnamed"), rows });
    forget();
    location.href = `/data?dataset=${dataset.id}`;
  }

  #clear() {
    const before = this.rows;
    this.rows = [];
    this.#keep();
    this.#draw();
    notice(t("write.cleared"), { undo: () => { this.rows = before; this.#keep(); this.#draw(); } });
  }

  #keep() { keep(this); }
}
