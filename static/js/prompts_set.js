// One set of questions: its name, its questions to edit, and the form that asks models all of them.

import { get, patch } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, field, link, notice, problem } from "./parts.js";
import { askForm } from "./prompts_ask.js";
import { t } from "./words.js";

const PATH = "/api/v1/prompt-sets";
const AT_ONCE = 50;

export async function drawSet(root, id) {
  let found;
  try { found = await get(`${PATH}/${id}`); } catch (error) {
    return void fill(root, back(), problem(error.message, error.hint));
  }
  const editor = new Editor(found);
  fill(root, back(), editor.element, await askForm(found, () => editor.save()));
}

const back = () => h("p", {}, h("a", { href: "/prompts" }, t("prompts.back")));

class Editor {
  constructor(found) {
    this.set = found;
    this.rows = found.prompts.map((one) => ({ ...one }));
    this.shown = AT_ONCE;
    this.changed = false;
    this.name = h("input", { type: "text", id: "set-name", maxlength: "120", dir: "auto" });
    this.name.value = found.name;
    this.name.addEventListener("input", () => this.#touch());
    this.list = h("ol", { class: "ts-question-list" });
    this.foot = h("div", { class: "ts-actions" });
    this.state = h("p", { class: "ts-soft", role: "status" });
    this.saveButton = button(t("prompts.save"), () => this.save(), { kind: "primary", disabled: true });
    this.part = h("details", { open: found.count <= 12 }, h("summary", {}, t("prompts.edit")), this.list, this.foot);
    this.element = h("section", { class: "ts-card" }, h("h2", { dir: "auto" }, found.name), field(t("prompts.name"), this.name), this.part,
      h("div", { class: "ts-actions" }, this.saveButton, link(t("prompts.one_by_one"), `/playground?questions=${found.id}`)), this.state);
    addEventListener("beforeunload", (event) => { if (this.changed) event.preventDefault(); });
    this.#draw();
  }

  #touch() {
    this.changed = true;
    this.saveButton.disabled = false;
    this.#count();
  }

  #count() {
    const n = this.rows.filter(({ text }) => text.trim()).length;
    fill(this.state, t(n === 1 ? "prompts.one_question" : "prompts.n_questions", { n: count(n) }), this.changed ? ` · ${t("prompts.unsaved")}` : "");
  }

  #draw() {
    fill(this.list, this.rows.slice(0, this.shown).map((row, index) => this.#line(row, index)));
    const rest = this.rows.length - this.shown;
    fill(this.foot, button(t("prompts.add"), () => this.#add(), { key: "add" }), rest > 0 ? button(t("prompts.more", { n: count(rest) }), () => { this.shown += AT_ONCE; this.#draw(); }) : null);
    this.#count();
  }

  #line(row, index) {
    const area = h("textarea", { rows: "2", maxlength: "20000", dir: "auto", "aria-label": t("prompts.question_n", { n: count(index + 1) }) });
    area.value = row.text;
    area.addEventListener("input", () => { if (row.expected && row.text !== area.value) delete row.expected; row.text = area.value; this.#touch(); });
    const away = h("button", { class: "ts-close", type: "button", "aria-label": t("prompts.delete_n", { n: count(index + 1) }), onclick: () => this.#delete(index) }, "×");
    return h("li", {}, h("div", { class: "ts-row" }, area, away),
      row.expected ? h("p", { class: "ts-soft ts-small", dir: "auto" }, t("prompts.expected_is", { text: shortened(row.expected) })) : null);
  }

  #add() {
    this.rows.push({ text: "" });
    this.shown = Math.max(this.shown, this.rows.length);
    this.#draw();
    this.list.lastChild.querySelector("textarea").focus();
  }

  #delete(index) {
    const [gone] = this.rows.splice(index, 1);
    this.#touch();
    this.#draw();
    notice(t("prompts.deleted_n", { n: count(index + 1) }), { undo: () => { this.rows.splice(index, 0, gone); this.#draw(); } });
  }

  // Keeps what was changed; asking models does it first, so that they are asked what is on the page.
  async save() {
    if (!this.changed) return;
    const prompts = this.rows.filter(({ text }) => text.trim());
    const kept = await patch(`${PATH}/${this.set.id}`, { name: this.name.value, prompts });
    this.changed = false;
    this.saveButton.disabled = true;
    this.rows = kept.prompts.map((one) => ({ ...one }));
    this.element.querySelector("h2").textContent = kept.name;
    this.#draw();
    const twice = kept.understood?.duplicates ?? 0;
    notice(twice ? `${t("prompts.saved")} ${t("prompts.duplicates", { n: count(twice) })}` : t("prompts.saved"));
  }
}

const shortened = (text) => (text.length > 160 ? `${text.slice(0, 160)} …` : text);
