// The audit page: what was done and by whom, whether the chain is whole, taking it away, and what is kept.

import { drawCheck } from "./audit_check.js";
import { drawRules } from "./audit_rules.js";
import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { moment } from "./format.js";
import { button, choice, field, link } from "./parts.js";
import { playgroundTabs } from "./playground_tabs.js";
import { t } from "./words.js";

const ACTIONS = [
  "asked", "judged", "evaluated", "voted", "vote_withdrawn", "uploaded", "made", "added", "deleted", "restored", "purged", "downloaded", "exported", "started",
  "stopped", "resumed", "extended", "profile_changed", "profile_in_force", "settings_changed", "trail_exported", "trail_shortened",
];
const KNOWN_ACTORS = ["local", "studio"];
const FORMATS = ["csv", "jsonl"];
const A_PAGE = 30;

export async function draw(root) {
  const [check, list, rules] = [h("section", { class: "ts-card" }), h("section", { class: "ts-card" }), h("section", { class: "ts-card" })];
  root.append(playgroundTabs("audit"), check, list, rules);
  const entries = new Entries(list);
  drawCheck(check);
  await Promise.all([entries.start(), drawRules(rules, () => entries.look())]);
}

class Entries {
  constructor(root) {
    this.root = root;
    this.next = null;
  }

  async start() {
    const changed = () => this.look();
    this.action = choice("audit-action", [["", t("audit.any")], ...ACTIONS.map((action) => [action, t(`audit.action.${action}`)])], "", changed);
    this.search = h("input", { type: "search", id: "audit-search", maxlength: "200" });
    this.since = h("input", { type: "date", id: "audit-since" });
    this.until = h("input", { type: "date", id: "audit-until" });
    for (const input of [this.search, this.since, this.until]) input.addEventListener("input", changed);
    this.rows = h("tbody", {});
    this.none = h("p", { class: "ts-soft", role: "status" });
    this.foot = h("div", { class: "ts-actions" });
    const titles = [t("audit.number"), t("audit.when"), t("audit.what"), t("audit.subject"), t("audit.who")];
    this.table = h("div", { class: "ts-scroll ts-audit", tabindex: "0", role: "region", "aria-label": t("audit.entries") },
      h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, titles.map((words) => h("th", { scope: "col" }, words)))), this.rows));
    fill(this.root, h("h2", {}, t("audit.entries")),
      h("div", { class: "ts-fields" }, field(t("audit.what"), this.action), field(t("audit.search"), this.search), field(t("audit.since"), this.since), field(t("audit.until"), this.until)),
      this.none, this.table, this.foot);
    await this.look();
  }

  async look() {
    const query = this.#query();
    const found = await get(`/api/v1/audit?limit=${A_PAGE}&${query}`);
    if (query !== this.#query()) return; // something else is asked for meanwhile
    fill(this.rows);
    this.#add(found);
  }

  async #more() { this.#add(await get(`/api/v1/audit?limit=${A_PAGE}&before=${this.next}&${this.#query()}`)); }

  #add(found) {
    this.rows.append(...found.entries.map(line));
    this.next = found.next;
    this.table.hidden = !this.rows.children.length;
    fill(this.none, this.table.hidden ? t("audit.none") : []);
    fill(this.foot, this.next ? button(t("audit.more"), () => this.#more(), { key: "audit-more" }) : null,
      FORMATS.map((format) => link(t(`audit.export.${format}`), `/api/v1/audit/export?format=${format}&${this.#query()}`)));
  }

  // The days are those of the person's own clock; the second one is meant whole.
  #query() {
    const asked = new URLSearchParams();
    if (this.action.value) asked.set("action", this.action.value);
    if (this.search.value.trim()) asked.set("search", this.search.value.trim());
    if (this.since.value) asked.set("since", new Date(`${this.since.value}T00:00`).toISOString());
    if (this.until.value) {
      const end = new Date(`${this.until.value}T00:00`);
      end.setDate(end.getDate() + 1);
      asked.set("until", end.toISOString());
    }
    return asked.toString();
  }
}

function line(entry) {
  const { name, ...others } = entry.details;
  const told = Object.entries(others).filter(([, value]) => ![null, "", "{}", "[]"].includes(shown(value)));
  const actor = KNOWN_ACTORS.includes(entry.actor) ? t(`audit.actor.${entry.actor}`) : entry.actor;
  return h("tr", {},
    h("th", { scope: "row" }, String(entry.number)), h("td", {}, moment(entry.at)), h("td", {}, t(`audit.action.${entry.action}`)),
    h("td", {}, name ? [h("strong", { class: "ts-audit-text" }, String(name)), h("br")] : null, h("span", { class: "ts-audit-text" }, entry.subject),
      h("details", {}, h("summary", {}, t("audit.details")), h("dl", {}, [...told, ["hash", entry.hash]].map(([label, value]) => [h("dt", {}, label), h("dd", { class: "ts-audit-text" }, shown(value))])))),
    h("td", {}, actor));
}

function shown(value) { return value === null || typeof value === "string" ? value : JSON.stringify(value); }
