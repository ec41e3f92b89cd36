// The table of answers: a row a question, a column a model; long answers folded, searched, narrowed to where they differ.

import { get } from "./api.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { count } from "./format.js";
import { button, tick } from "./parts.js";
import { t } from "./words.js";

const AT_ONCE = 50;
const MOST = 200;
const FOLDED = 320; // characters of an answer that are shown before it is unfolded
const LONGEST_LINK = 6000; // characters that every browser and server takes in an address
const PAUSE = 250;

export class AnswerTable {
  constructor(path, evaluation) {
    this.path = path;
    this.evaluation = evaluation;
    this.view = { start: 0, search: "", differ: false };
    this.open = new Set();
    this.search = h("input", { type: "search", id: "find-answer", dir: "auto", maxlength: "1000", placeholder: t("table.search"), "aria-label": t("table.search") });
    this.search.addEventListener("input", () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.#change({ search: this.search.value }), PAUSE); });
    this.body = h("div", { class: "ts-answers-table" });
    this.foot = h("div", { class: "ts-actions" });
    this.state = h("p", { class: "ts-soft", role: "status" });
    const several = evaluation.contestants.length > 1;
    this.element = h("section", { class: "ts-card", id: "answers" }, h("h2", {}, t("table.title")),
      h("div", { class: "ts-fields" }, this.search, several ? tick("only-different", t("table.differ"), false, (differ) => this.#change({ differ })) : null),
      this.state, this.body, this.foot);
  }

  #change(view) {
    Object.assign(this.view, view, view.start === undefined ? { start: 0 } : {});
    return this.look();
  }

  // `evaluation`: as it is now.
  async look(evaluation = this.evaluation) {
    this.evaluation = evaluation;
    const asked = JSON.stringify(this.view);
    const { start, search, differ } = this.view;
    const found = await get(`${this.path}/answers?start=${start}&count=${AT_ONCE}&differ=${differ}&search=${encodeURIComponent(search)}`);
    if (asked !== JSON.stringify(this.view)) return; // something else is looked for meanwhile
    this.found = found;
    this.#draw();
  }

  #draw() {
    const { questions, total } = this.found;
    fillWhenChanged(this.body, [questions, [...this.open], this.#waits()], () => (questions.length ? this.#table(questions) : h("p", { class: "ts-soft" }, t("table.nothing"))));
    const { start } = this.view;
    const last = start + questions.length;
    fill(this.state, total > AT_ONCE ? t("table.shown", { from: count(start + 1), to: count(last), all: count(total) }) : t(total === 1 ? "prompts.one_question" : "prompts.n_questions", { n: count(total) }));
    fill(this.foot, start ? button(t("table.before"), () => this.#change({ start: Math.max(0, start - AT_ONCE) })) : null, last < total ? button(t("table.after"), () => this.#change({ start: last })) : null);
  }

  #table(questions) {
    const expected = questions.some((one) => one.expected);
    const { titles } = this.evaluation;
    const heads = [t("table.question"), ...(expected ? [t("table.expected")] : []), ...titles];
    return h("table", { class: "ts-table ts-compared" }, h("thead", {}, h("tr", {}, heads.map((words) => h("th", { scope: "col", dir: "auto" }, words)))),
      h("tbody", {}, questions.map((one) => this.#row(one, expected))));
  }

  #row(one, expected) {
    const asked = h("th", { scope: "row" }, h("span", { class: "ts-soft ts-small" }, t("prompts.question_n", { n: count(one.number + 1) })), this.#folded(one.text, `q${one.number}`), this.#beside(one));
    return h("tr", {}, asked, expected ? h("td", { "data-label": t("table.expected"), class: one.expected ? "" : "ts-nothing" }, one.expected ? this.#folded(one.expected, `e${one.number}`) : "–") : null,
      one.answers.map((answer, side) => h("td", { "data-label": this.evaluation.titles[side] }, answer ? this.#answer(answer, `${one.number}-${side}`) : h("span", { class: "ts-soft" }, t(this.#waits() ? "table.waits" : "table.missing")))));
  }

  #waits() { return ["waiting", "working"].includes(this.evaluation.status); }

  #beside(one) {
    const prompt = encodeURIComponent(one.text);
    if (prompt.length > LONGEST_LINK) return null;
    const who = this.evaluation.contestants.map((name) => `with=${encodeURIComponent(name)}`).join("&");
    return h("a", { class: "ts-small", href: `/playground?${who}&prompt=${prompt}`, "aria-label": t("table.beside_n", { n: one.number + 1 }) }, t("table.beside"));
  }

  #answer(answer, key) {
    const notes = [answer.ended === "stop" ? "" : t(`table.ended.${answer.ended}`), ...this.#verdicts(answer)].filter(Boolean);
    return [answer.text ? this.#folded(answer.text, key) : answer.ended === "stop" || answer.ended === "length" ? h("p", { class: "ts-soft" }, t("table.no_words")) : null,
      notes.length ? h("p", { class: "ts-soft ts-small" }, notes.join(" · ")) : null];
  }

  #verdicts(answer) { return (answer.facts.verdicts ?? []).map(({ title, rule }) => t("table.rule", { title: title || rule })); }

  #folded(text, key) {
    if (text.length <= FOLDED) return h("p", { dir: "auto" }, text);
    const isOpen = this.open.has(key);
    const turn = () => { if (isOpen) this.open.delete(key); else this.open.add(key); this.#draw(); };
    return [h("p", { dir: "auto" }, isOpen ? text : `${text.slice(0, FOLDED)} …`),
      h("button", { class: "ts-button ts-link ts-fold", type: "button", "aria-expanded": String(isOpen), "data-key": `fold-${key}`, onclick: turn }, t(isOpen ? "table.fold" : "table.unfold"))];
  }
}
