// The conversations that are kept: found by what was said, renamed, gone on with, taken away as data, deleted with undo.

import { getWithHeaders, patch, post, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { count, moment } from "./format.js";
import { button, empty, link, notice } from "./parts.js";
import { playgroundTabs } from "./playground_tabs.js";
import { t } from "./words.js";

const PATH = "/api/v1/conversations";
const A_PAGE = 30;
const MOST = 200;

export async function draw(root) {
  const page = new Conversations();
  fill(root, playgroundTabs("conversations"), page.element);
  await page.look();
}

class Conversations {
  constructor() {
    this.words = "";
    this.shown = A_PAGE;
    this.search = h("input", { type: "search", id: "find-conversation", maxlength: "200", dir: "auto", "aria-label": t("conversations.search"), placeholder: t("conversations.search") });
    this.search.addEventListener("input", () => { this.words = this.search.value.trim(); this.shown = A_PAGE; this.look(); });
    this.bar = h("div", { class: "ts-field ts-find" }, this.search);
    this.list = h("div", {});
    this.foot = h("div", { class: "ts-actions" });
    this.element = h("section", {}, this.bar, this.list, this.foot);
  }

  async look() {
    const asked = this.words;
    const [found, headers] = await getWithHeaders(`${PATH}?limit=${this.shown}&search=${encodeURIComponent(asked)}`);
    if (asked !== this.words) return; // something else was asked for meanwhile
    const total = Number(headers.get("X-Total"));
    this.bar.hidden = !asked && !total;
    fill(this.list, found.length ? found.map((one) => this.#card(one)) : this.#nothing());
    fill(this.foot, found.length ? this.#below(found.length, total) : null);
  }

  #nothing() {
    if (this.words) return h("p", { class: "ts-soft" }, t("conversations.nothing_found"));
    return empty(t("conversations.none.title"), t("conversations.none.words"), link(t("nav.playground"), "/playground", "primary"));
  }

  #below(shown, total) {
    return [
      h("span", { class: "ts-soft" }, t("conversations.shown", { n: count(shown), all: count(total) })),
      shown < total && this.shown < MOST ? button(t("runs.more"), () => { this.shown = Math.min(MOST, this.shown + A_PAGE); return this.look(); }) : null,
      link(t("conversations.export_all"), `${PATH}/export?limit=${MOST}&search=${encodeURIComponent(this.words)}`),
    ];
  }

  #card(one) {
    const path = `${PATH}/${one.id}`;
    const title = h("h3", {}, h("a", { href: `/playground?conversation=${one.id}`, dir: "auto" }, one.name || t("conversations.nameless")));
    const who = one.is_hidden ? t("conversations.hidden") : one.contestants.join(", ");
    const about = [t("conversations.rounds", { n: one.rounds }), who, one.blind ? t("blind.switch") : "", moment(one.changed_at)];
    const rename = () => this.#rename(one, title);
    return h("article", { class: "ts-card ts-found" }, title,
      one.prompt && one.prompt !== one.name ? h("p", { class: "ts-asked", dir: "auto" }, one.prompt) : null,
      h("p", { class: "ts-soft ts-small" }, about.filter(Boolean).join(" · ")),
      h("div", { class: "ts-actions" },
        link(t("conversations.open"), `/playground?conversation=${one.id}`, "primary"),
        button(t("conversations.rename"), rename),
        link(t("conversations.export"), `${path}/export`),
        button(t("delete"), () => this.#delete(one, path), { kind: "link" })));
  }

  #rename(one, place) {
    const name = h("input", { type: "text", maxlength: "120", dir: "auto", "aria-label": t("conversations.name") });
    name.value = one.name;
    const save = async () => { await patch(`${PATH}/${one.id}`, { name: name.value }); await this.look(); };
    const form = h("form", { class: "ts-row" }, name, button(t("conversations.save"), save, { kind: "primary" }), button(t("chat.cancel"), () => this.look(), { kind: "link" }));
    form.addEventListener("submit", (event) => { event.preventDefault(); form.querySelector("button").click(); });
    fill(place, form);
    name.focus();
  }

  async #delete(one, path) {
    await remove(path);
    await this.look();
    notice(t("deleted", { name: one.name }), { undo: async () => { await post(`${path}/restore`); await this.look(); } });
  }
}
