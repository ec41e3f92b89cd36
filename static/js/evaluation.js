// The answers of several models to many questions: how far they are, what each model did, and the table.

import { get, poll, post } from "./api.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { count } from "./format.js";
import { button, chip, link, notice, problem, progress } from "./parts.js";
import { AnswerTable } from "./evaluation_table.js";
import { t } from "./words.js";

const PATH = "/api/v1/evaluations";
const MOVING = ["waiting", "working"];

export async function drawEvaluation(root, id) {
  const page = new EvaluationPage(root, `${PATH}/${id}`);
  try { await page.start(); } catch (error) {
    fill(root, back(), problem(error.message, error.hint));
  }
}

const back = () => h("p", {}, h("a", { href: "/prompts" }, t("evaluation.back")));

class EvaluationPage {
  constructor(root, path) {
    this.root = root;
    this.path = path;
    this.head = h("section", { class: "ts-card" });
    this.sides = h("section", { class: "ts-card" });
  }

  async start() {
    this.found = await get(this.path);
    this.table = new AnswerTable(this.path, this.found);
    fill(this.root, back(), this.head, this.sides, this.table.element);
    this.#draw();
    await this.table.look();
    poll(async () => { if (MOVING.includes(this.found.status)) await this.look(); }, 1.5);
  }

  async look() {
    const before = this.found;
    this.found = await get(this.path);
    this.#draw();
    if (before.answered !== this.found.answered || before.status !== this.found.status) await this.table.look(this.found);
    if (MOVING.includes(before.status) && this.found.status === "ready") notice(t("evaluation.ready", { name: this.found.name }));
  }

  #draw() {
    const { status, progress: share, stage, error } = this.found;
    fillWhenChanged(this.head, { status, share, stage, error }, () => this.#heading());
    this.sides.hidden = !this.found.result;
    if (this.found.result) fillWhenChanged(this.sides, this.found.result, () => this.#summary());
  }

  #heading() {
    const { name, status, stage, questions, titles, prompt_set_id: set } = this.found;
    const again = this.found.contestants.map((who) => `&with=${encodeURIComponent(who)}`).join("");
    return [
      h("div", { class: "ts-row ts-between" }, h("h2", { dir: "auto" }, name), chip(status)),
      h("p", { class: "ts-soft" }, [t("evaluations.asked", { n: count(questions), names: titles.join(", ") }), ...this.#settings()].join(" · ")),
      MOVING.includes(status) ? progress(this.found.progress, stage || t(`evaluation.${status}`)) : null,
      status === "failed" ? problem(this.found.error, this.found.hint) : null,
      h("div", { class: "ts-actions" },
        status === "failed" ? button(t("evaluation.retry"), () => this.#retry(), { kind: "primary" }) : null,
        link(t("evaluation.csv"), `${this.path}/export?format=csv`), link(t("evaluation.jsonl"), `${this.path}/export?format=jsonl`),
        set ? link(t("evaluation.again"), `/prompts?set=${set}${again}`) : null),
    ];
  }

  #settings() {
    const { sampling, system, profile_id: profile } = this.found;
    return [
      sampling.temperature ? t("evaluation.temperature", { n: sampling.temperature }) : t("evaluation.greedy"),
      t("evaluation.longest", { n: count(sampling.max_tokens) }),
      system ? t("evaluation.with_system") : "",
      profile ? t("evaluation.with_profile", { name: profile }) : "",
    ].filter(Boolean);
  }

  #summary() {
    const { sides, differ } = this.found.result;
    const columns = ["answers", "cut_off", "held_back", "not_asked", "empty", "tokens"].filter((name) => ["answers", "tokens"].includes(name) || sides.some((side) => side[name]));
    const head = h("tr", {}, h("th", { scope: "col" }, t("evaluation.model")), columns.map((name) => h("th", { scope: "col" }, t(`evaluation.side.${name}`))));
    const rows = sides.map((side) => h("tr", {}, h("th", { scope: "row", dir: "auto" }, side.title), columns.map((name) => h("td", {}, count(side[name])))));
    const failed = sides.filter(({ error }) => error).map(({ title, error, hint }) => problem(t("evaluation.side_failed", { title, error }), hint));
    return [
      h("h2", {}, t("evaluation.sides")), failed,
      sides.length > 1 ? h("p", {}, t("evaluation.differ", { n: count(differ), all: count(this.found.questions) })) : null,
      h("div", { class: "ts-scroll", tabindex: "0" }, h("table", { class: "ts-table" }, h("thead", {}, head), h("tbody", {}, rows))),
    ];
  }

  async #retry() {
    this.found = await post(`${this.path}/retry`);
    this.#draw();
    await this.table.look(this.found);
  }
}
