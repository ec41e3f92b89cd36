// The dialog that says which field is the question, which the answer; previewed as it is chosen. It comes up where a file
// is not recognised for sure, and whenever a person wants a file read differently.

import { get, post } from "./api.js";
import { bubbles } from "./data_bubbles.js";
import { Draft } from "./data_draft.js";
import { percent } from "./data_words.js";
import { fill, h } from "./dom.js";
import { button, choice, field, tick } from "./parts.js";
import { t } from "./words.js";

const PAUSE = 300;
const TARGETS = [["chat", "target.chat", "target.chat_help"], ["text", "target.text", "target.text_help"], ["preference", "target.preference", "target.preference_help"], ["labelled", "target.labelled", "target.labelled_help"]];
const ROLES = [["user", "role.user"], ["assistant", "role.assistant"], ["system", "role.system"], ["tool", "role.tool"]];
const SINGLE = { answer: "role.assistant", text: "role.text", chosen: "rows.better", rejected: "rows.worse", label: "mapping.label", system: "role.system" };
const NEEDED = { chat: ["answer"], text: ["text"], preference: ["chosen", "rejected"], labelled: ["answer", "label"] };

export function drawMapping(place, dataset) { new MappingDialog(place, dataset, dataset.question).lay(); }

// For a file that has been read already: the choice makes a new version.
export async function drawColumns(place, dataset) {
  const question = await get(`/api/v1/datasets/${dataset.id}/columns`);
  const { mapping } = dataset;
  new MappingDialog(place, dataset, mapping ? { ...question, guess: mapping } : question).lay();
}

class MappingDialog {
  constructor(place, dataset, question) {
    Object.assign(this, { place, dataset, question, again: dataset.status === "ready", timer: null, asked: 0, remember: true, path: `/api/v1/datasets/${dataset.id}/mapping` });
    this.draft = new Draft(this.question);
  }

  lay() {
    this.form = h("div", {});
    this.preview = h("div", { "aria-live": "polite" });
    this.faults = {};
    fill(this.place, h("section", { class: "ts-card", id: "mapping" },
      h("h2", {}, t(this.again ? "mapping.again" : "mapping.title")), h("p", {}, this.question.why, " ", this.question.confidence ? h("span", { class: "ts-soft" }, t("report.sure", { percent: percent(this.question.confidence) })) : null),
      this.#columns(), this.form,
      this.again ? null : tick("mapping-remember", t("mapping.remember"), true, (on) => { this.remember = on; }),
      h("div", { class: "ts-actions" }, button(t("mapping.use"), () => this.#use(), { kind: "primary" }))),
    h("section", { class: "ts-card" }, h("h2", {}, t("mapping.preview")), this.preview));
    this.#drawForm();
  }

  #columns() {
    const names = ["mapping.column", "mapping.kind", "mapping.filled", "mapping.examples"];
    return h("details", { open: true }, h("summary", {}, t("mapping.columns", { n: this.question.columns.length })),
      h("div", { class: "ts-scroll ts-columns", tabindex: "0", role: "group", "aria-label": t("mapping.examples") }, h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, names.map((key) => h("th", { scope: "col" }, t(key))))),
        h("tbody", {}, this.question.columns.map((column) => h("tr", {}, h("th", { scope: "row" }, column.name), h("td", {}, kind(column.kind)), h("td", {}, percent(column.filled)),
          h("td", {}, column.examples.slice(0, 2).map((text) => h("div", { class: "ts-clip", dir: "auto" }, text)))))))));
  }

  #drawForm() {
    const { draft } = this;
    this.places = {};
    const asked = draft.target !== "text";
    fill(this.form, this.#targets(),
      asked && draft.lists.length ? h("div", { class: "ts-fields" }, field(t("mapping.way"), choice("mapping-way", [["columns", t("mapping.way_columns")], ["messages", t("mapping.way_messages")]], draft.way, (way) => { draft.way = way; this.#drawForm(); }))) : null,
      h("div", { class: "ts-fields" }, asked ? this.#asked() : null, this.#needed().map((name) => this.#single(name)), asked && draft.way === "columns" ? this.#single("system") : null),
      this.#exam(),
      draft.way === "messages" && asked ? this.#speakers() : null);
    this.#changed();
  }

  // With a list of messages the answer is in it; a pair or a rating still needs its own columns.
  #needed() { return NEEDED[this.draft.target].filter((name) => !(name === "answer" && this.draft.target === "chat" && this.draft.way === "messages")); }

  #targets() {
    const option = ([value, words, help]) => {
      const radio = h("input", { type: "radio", name: "target", id: `target-${value}`, checked: this.draft.target === value });
      radio.addEventListener("change", () => { this.draft.target = value; this.#drawForm(); this.form.querySelector(`#target-${value}`).focus(); });
      return h("label", { class: "ts-option", for: radio.id }, radio, h("span", {}, h("strong", {}, t(words)), h("span", { class: "ts-soft ts-small" }, t(help))));
    };
    return h("fieldset", { class: "ts-options" }, h("legend", {}, t("mapping.target")), TARGETS.map(option));
  }

  #asked() {
    const { draft } = this;
    if (draft.way === "messages") {
      const list = choice("mapping-messages", draft.lists.map((name) => [name, name]), draft.messages, (name) => { draft.setMessages(name); this.#drawForm(); });
      return this.#withFault("messages", field(t("mapping.messages"), list));
    }
    const boxes = this.question.columns.map(({ name }, index) => tick(`question-${index}`, name, draft.question.includes(name), (on) => { draft.toggle(name, on); this.#changed(); }));
    return this.#withFault("question", h("fieldset", { class: "ts-field ts-ticks" }, h("legend", {}, t("mapping.question")), boxes));
  }

  #single(name) {
    const { draft } = this;
    const options = [["", t("mapping.none")], ...this.question.columns.map((column) => [column.name, column.name])];
    return this.#withFault(name, field(t(SINGLE[name]), choice(`mapping-${name}`, options, draft[name] ?? "", (value) => { draft[name] = value || null; this.#changed(); })));
  }

  // Some files say themselves which rows are for the exam.
  #exam() {
    const { kept } = this.draft;
    const values = h("input", { type: "text", id: "mapping-held_out", value: kept.held_out.join(", "), maxlength: "200", placeholder: "test, validation" });
    values.addEventListener("input", () => { kept.held_out = values.value.split(",").map((value) => value.trim()).filter(Boolean); this.#changed(); });
    const options = [["", t("mapping.none")], ...this.question.columns.map(({ name }) => [name, name])];
    const column = choice("mapping-split", options, kept.split ?? "", (name) => { kept.split = name || null; this.#changed(); });
    return h("details", { open: Boolean(kept.split) }, h("summary", {}, t("mapping.exam")), h("div", { class: "ts-fields" }, field(t("prepare.column"), column), field(t("prepare.values"), values, t("prepare.values_help"))));
  }

  #speakers() {
    const { draft } = this;
    const keys = draft.keys.map((key) => [key, key]);
    const part = (name, words) => field(words, choice(`mapping-${name}`, keys, draft[name], (value) => { draft[name] = value; this.#drawForm(); }));
    const speaker = (name, index) => field(t("mapping.speaker", { name }), choice(`speaker-${index}`, [["", t("mapping.none")], ...ROLES.map(([role, key]) => [role, t(key)])], draft.roles[name] ?? "", (role) => { draft.roles[name] = role; this.#changed(); }));
    return h("div", {}, h("div", { class: "ts-fields" }, part("role", t("mapping.role")), part("content", t("mapping.content"))), h("div", { class: "ts-fields" }, draft.speakers.map(speaker)));
  }

  #withFault(name, element) {
    this.places[name] = h("p", { class: "ts-error ts-small", role: "alert" });
    element.append(this.places[name]);
    return element;
  }

  #changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#look(), PAUSE);
  }

  async #look() {
    this.asked += 1;
    const { asked } = this;
    const mapping = this.draft.mapping;
    const found = await post(`${this.path}/preview`, { mapping }).catch((error) => ({ rows: [], faults: named(error), said: error.message }));
    if (asked !== this.asked) return;
    this.#say(found.faults ?? {});
    const rows = found.rows.map((row) => h("article", { class: "ts-conversation" }, row.refused ? h("p", { class: "ts-warning" }, typeof row.refused === "string" ? row.refused : t("mapping.refused")) : bubbles(row)));
    fill(this.preview, rows.length ? rows : h("p", { class: "ts-soft" }, t("mapping.nothing")));
  }

  #say(faults) {
    for (const [name, place] of Object.entries(this.places)) fill(place, faults[name] ?? "");
    const elsewhere = Object.entries(faults).filter(([name]) => !this.places[name]).map(([, words]) => words);
    this.form.querySelector(".ts-elsewhere")?.remove();
    if (elsewhere.length) this.form.append(h("p", { class: "ts-error ts-elsewhere" }, elsewhere.join(" ")));
  }

  async #use() {
    let read = this.dataset;
    try {
      const { mapping } = this.draft;
      if (this.again) read = await post("/api/v1/datasets/versions", { operation: { kind: "reread", dataset_id: read.id, mapping } });
      else await post(this.path, { mapping, remember: this.remember });
    } catch (error) {
      if (!error.faults.length) throw error;
      this.#say(named(error));
      throw new Error(t("mapping.incomplete"));
    }
    location.href = `/data?dataset=${read.id}`;
  }
}

function named(error) { return Object.fromEntries((error.faults ?? []).map(({ field: name, message }) => [name.split(".").at(-1), message])); }

const KINDS = { text: "kind.text", number: "kind.number", list: "kind.list", object: "kind.object", boolean: "kind.boolean" };

function kind(name) { return KINDS[name] ? t(KINDS[name]) : name; }
