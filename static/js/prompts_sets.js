// The sets of questions that are kept.

import { get, post, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { count, moment } from "./format.js";
import { button, empty, link, notice } from "./parts.js";
import { keepStarter } from "./prompts_new.js";
import { t } from "./words.js";

const PATH = "/api/v1/prompt-sets";

export class Sets {
  constructor() {
    this.list = h("div", {});
    this.element = h("section", { "aria-labelledby": "sets-title" }, h("h2", { id: "sets-title" }, t("prompts.sets")), this.list);
  }

  async look() {
    const found = await get(PATH);
    fill(this.list, found.length ? found.map((one) => this.#line(one)) : empty(t("prompts.none.title"), t("prompts.none.words"), button(t("prompts.starter"), keepStarter, { kind: "primary" })));
  }

  #line(one) {
    const address = `/prompts?set=${one.id}`;
    return h("article", { class: "ts-card ts-row ts-between ts-set" },
      h("div", {}, h("h3", {}, h("a", { href: address, dir: "auto" }, one.name)), h("p", { class: "ts-soft ts-small" }, [t(one.count === 1 ? "prompts.one_question" : "prompts.n_questions", { n: count(one.count) }), moment(one.created_at)].join(" · "))),
      h("div", { class: "ts-actions" }, link(t("prompts.open"), address, "primary"), button(t("delete"), () => this.#delete(one), { kind: "link", title: t("prompts.delete_one", { name: one.name }) })));
  }

  async #delete(one) {
    await remove(`${PATH}/${one.id}`);
    await this.look();
    notice(t("deleted", { name: one.name }), { undo: async () => { await post(`${PATH}/${one.id}/restore`); await this.look(); } });
  }
}
