// All that was asked of several models at once, with how far it is.

import { get, poll, post, remove } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { count, moment } from "./format.js";
import { button, chip, link, notice, progress } from "./parts.js";
import { t } from "./words.js";

const PATH = "/api/v1/evaluations";
const MOVING = ["waiting", "working"];

export class Evaluations {
  constructor() {
    this.list = h("div", {});
    this.element = h("section", { "aria-labelledby": "evaluations-title" }, h("h2", { id: "evaluations-title" }, t("evaluations.title")), this.list);
    this.found = null;
    poll(async () => { if (!this.found || this.found.some(({ status }) => MOVING.includes(status))) await this.look(); }, 2);
  }

  async look() {
    this.found = await get(`${PATH}?kind=answers`);
    fillWhenChanged(this.list, this.found, () => (this.found.length ? this.found.map((one) => this.#line(one)) : h("p", { class: "ts-soft" }, t("evaluations.none"))));
  }

  #line(one) {
    const address = `/prompts?evaluation=${one.id}`;
    const about = [t("evaluations.asked", { n: count(one.questions), names: one.titles.join(", ") }), moment(one.created_at)];
    return h("article", { class: "ts-card ts-found" },
      h("div", { class: "ts-row ts-between" }, h("h3", {}, h("a", { href: address, dir: "auto" }, one.name)), chip(one.status)),
      h("p", { class: "ts-soft ts-small" }, about.join(" · ")),
      MOVING.includes(one.status) ? progress(one.progress, one.stage) : null,
      one.error ? h("p", { class: "ts-error" }, one.error) : null,
      h("div", { class: "ts-actions" }, link(t("evaluations.open"), address), button(t("delete"), () => this.#delete(one), { kind: "link", key: `delete-${one.id}`, title: t("prompts.delete_one", { name: one.name }) })));
  }

  async #delete(one) {
    await remove(`${PATH}/${one.id}`);
    await this.look();
    notice(t("deleted", { name: one.name }), { undo: async () => { await post(`${PATH}/${one.id}/restore`); await this.look(); } });
  }
}
