// The saved states of a run: what each is for and what it takes; talk to one, branch from it, delete it.

import { get, remove } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { bytes, count, moment, number } from "./format.js";
import { button, link } from "./parts.js";
import { t } from "./words.js";

export class Saved {
  constructor(id) {
    this.path = `/api/v1/runs/${id}/checkpoints`;
    this.id = id;
    this.seen = null;
    this.asked = null;
    this.content = h("div", {});
    this.element = h("section", { class: "ts-card", id: "saved-states", hidden: true }, h("h2", {}, t("saved.title")), this.content);
  }

  // Asks only when something was saved, or the run has moved on.
  async look(run) {
    const now = JSON.stringify([run.status, run.checkpoint_step, run.adapter_id]);
    if (now === this.seen) return;
    this.seen = now;
    await this.#read(run);
  }

  async #read(run) {
    this.run = run;
    this.found = await get(this.path);
    this.element.hidden = !this.found.states.length;
    this.#draw();
  }

  #draw() {
    fillWhenChanged(this.content, [this.found, this.asked], () => [
      h("p", { class: "ts-soft" }, this.#words()),
      h("div", { class: "ts-scroll" }, h("table", { class: "ts-table" },
        h("thead", {}, h("tr", {}, [t("run.step"), t("curve.eval_loss"), t("saved.size"), t("saved.what"), t("saved.do")].map((words) => h("th", { scope: "col" }, words)))),
        h("tbody", {}, this.found.states.map((state) => this.#row(state))))),
    ]);
  }

  #words() {
    const { states } = this.found;
    const best = states.find((state) => state.is_best && state.eval_loss !== null);
    const all = t("saved.all", { n: count(states.length), size: bytes(this.found.bytes) });
    return best ? `${all} ${t("saved.best_is", { step: count(best.step), loss: number(best.eval_loss) })}` : all;
  }

  #row(state) {
    const marks = [state.is_best ? t("saved.best") : "", state.is_newest ? t("saved.newest") : "", state.is_published ? t("saved.published") : ""].filter(Boolean);
    return h("tr", {},
      h("th", { scope: "row" }, count(state.step)),
      h("td", {}, state.eval_loss === null ? "–" : number(state.eval_loss)),
      h("td", {}, bytes(state.bytes)),
      h("td", {}, marks.join(", ")),
      h("td", {}, h("div", { class: "ts-actions" }, this.#actions(state))));
  }

  #actions(state) {
    if (this.asked === state.step) return [
      h("span", { class: "ts-soft" }, t("saved.sure", { step: count(state.step) })),
      button(t("saved.yes"), () => this.#delete(state), { kind: "danger", key: `yes-${state.step}` }),
      button(t("saved.no"), () => this.#ask(null), { key: `no-${state.step}` }),
    ];
    const talks = this.run.spec.method !== "reward";
    return [
      talks ? link(t("saved.talk"), `/playground?with=${state.name}`) : null,
      link(t("saved.branch"), `/train?copy=${this.id}&start=${encodeURIComponent(state.name)}`),
      button(t("delete"), () => this.#ask(state.step), { kind: "link", key: `delete-${state.step}`, disabled: Boolean(state.kept_because), title: state.kept_because || undefined }),
    ];
  }

  #ask(step) {
    this.asked = step;
    this.#draw();
  }

  async #delete(state) {
    this.asked = null;
    try { await remove(`${this.path}/${state.step}`); } finally { await this.#read(this.run); }
  }
}

// What happened to a run, with times: its starts and ends, a retry with less memory, a longer course.
export class Happenings {
  constructor(id) {
    this.path = `/api/v1/runs/${id}/events`;
    this.seen = null;
    this.list = h("ul", { class: "ts-happened" });
    this.origin = h("p", { class: "ts-soft" });
    this.element = h("section", { class: "ts-card", id: "happened", hidden: true }, h("h2", {}, t("happened.title")), this.origin, this.list);
  }

  async look(run) {
    const now = JSON.stringify([run.status, run.attempt, run.step === run.total_steps]);
    if (now === this.seen) return;
    this.seen = now;
    const found = await get(this.path);
    this.element.hidden = !found.length;
    fillWhenChanged(this.origin, run.facts?.began_from_run_id, () => origin(run.facts));
    fillWhenChanged(this.list, found, () => found.map((one) => h("li", { "data-kind": one.kind }, h("span", { class: "ts-soft" }, `${moment(one.at)} `), one.words)));
  }
}

function origin(facts) {
  if (!facts?.began_from_run_id) return [];
  return [t("happened.origin"), " ", h("a", { href: `/run?run=${facts.began_from_run_id}` }, t("happened.origin_state", { title: facts.began_from_title, step: count(facts.began_from_step) }))];
}
