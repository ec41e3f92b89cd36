// The safety check of a model: what will be asked, how far it is, what came of it, and earlier ones.

import { get, parameter, poll, post, remove } from "./api.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { count, moment } from "./format.js";
import { button, choice, empty, field, link, notice, problem, progress } from "./parts.js";
import { playgroundTabs } from "./playground_tabs.js";
import { drawFound } from "./safety_check_found.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

const UNDER_WAY = ["waiting", "working"];
const LONGEST = 120;

export async function draw(root) {
  const [contestants, profiles] = await Promise.all([get("/api/v1/contestants?own=true"), get("/api/v1/safety/profiles")]);
  if (!contestants.length) return fill(root, playgroundTabs("safety"), empty(t("check.empty.title"), t("check.empty.words"), button(t("sample.try"), startSample, { kind: "primary" }), link(t("nav.models"), "/models")));
  await new CheckPage(root, contestants, profiles.filter((profile) => !profile.faults.length)).start();
}

class CheckPage {
  constructor(root, contestants, profiles) {
    this.root = root;
    this.contestants = contestants;
    this.profiles = profiles;
    const asked = contestants.find(({ name }) => name === parameter("of"));
    this.of = (asked ?? contestants.find(({ kind }) => kind === "adapter") ?? contestants[0]).name;
    this.profile = "";
    this.checks = [];
    this.shown = parameter("check");
  }

  async start() {
    this.asking = h("section", { class: "ts-card" });
    this.under = h("div", {});
    this.earlier = h("div", {});
    this.found = h("div", {});
    fill(this.root, playgroundTabs("safety"), this.asking, this.under, this.earlier, this.found, limits());
    this.#lay();
    poll(async () => { if (!this.looked || this.#moving()) await this.#look(); }, 1.5);
  }

  #moving() { return this.checks.some(({ status }) => UNDER_WAY.includes(status)); }

  #lay() {
    const groups = this.contestants.map(({ name, title, kind, base_title: base }) => [name, kind === "base" ? title : t("check.of_base", { title, base })]);
    const rules = [["", t("check.no_profile")], ...this.profiles.map(({ id, name }) => [id, name])];
    const who = choice("check-of", groups, this.of, (name) => this.#turnTo(name));
    const under = choice("check-profile", rules, this.profile, (id) => { this.profile = id; });
    this.longest = h("input", { type: "number", id: "check-longest", min: "8", max: "1024", step: "1", value: String(LONGEST) });
    this.longest.addEventListener("change", () => this.#plan());
    this.plan = h("p", { "aria-live": "polite", id: "check-plan" });
    this.run = button(t("check.run"), () => this.#ask(), { kind: "primary" });
    fill(this.asking, h("h2", {}, t("check.what")),
      h("div", { class: "ts-fields" }, field(t("check.of"), who), field(t("check.profile"), under, t("check.profile_help"))),
      h("details", {}, h("summary", {}, t("check.more")), h("div", { class: "ts-fields" }, field(t("check.longest"), this.longest, t("check.longest_help")))),
      this.plan, h("div", { class: "ts-actions" }, this.run));
    return this.#plan();
  }

  #length() { return Math.min(1024, Math.max(8, Math.round(Number(this.longest.value)) || LONGEST)); }

  async #plan() {
    const { questions, harmless, titles, seconds } = await get(`/api/v1/safety-checks/plan?contestant=${encodeURIComponent(this.of)}&longest=${this.#length()}`);
    const names = { n: count(questions), harmless: count(harmless), title: titles.at(-1), base: titles[0] };
    fill(this.plan, titles.length > 1 ? t("check.plan", names) : t("check.plan_alone", names), " ",
      seconds === null ? t("check.plan_unknown") : t("check.plan_time", { time: about(seconds) }));
  }

  async #turnTo(name) {
    this.of = name;
    this.shown = null;
    this.looked = false;
    history.replaceState(null, "", `${location.pathname}?of=${encodeURIComponent(name)}`);
    fill(this.found);
    await Promise.all([this.#plan(), this.#look()]);
  }

  async #ask() {
    const made = await post("/api/v1/safety-checks", { contestant: this.of, profile_id: this.profile || null, longest: this.#length() });
    this.shown = made.id;
    await this.#look();
  }

  async #look() {
    const asked = this.of;
    const checks = await get(`/api/v1/safety-checks?contestant=${encodeURIComponent(asked)}`);
    if (asked !== this.of) return; // another model was chosen meanwhile
    this.checks = checks;
    this.looked = true;
    const ready = checks.filter(({ status }) => status === "ready");
    const chosen = ready.find(({ id }) => id === this.shown) ?? ready[0];
    fillWhenChanged(this.under, checks.filter(({ status }) => status !== "ready"), () => checks.filter(({ status }) => status !== "ready").map((check) => this.#unfinished(check)));
    fillWhenChanged(this.earlier, [ready.map(({ id }) => id), chosen?.id], () => this.#choosing(ready, chosen));
    fillWhenChanged(this.found, [chosen?.id, this.#moving()], () => (chosen ? drawFound(chosen, { erase: () => this.#erase(chosen), again: () => this.#again(chosen) }) : this.#none()));
  }

  #none() {
    return this.#moving() ? [] : h("section", { class: "ts-card" }, h("h2", {}, t("check.none.title")), h("p", { class: "ts-soft" }, t("check.none.words")));
  }

  #unfinished(check) {
    const path = `/api/v1/evaluations/${check.id}`;
    if (check.status === "failed") {
      const retry = async () => { await post(`${path}/retry`); await this.#look(); };
      return h("section", { class: "ts-card" }, h("h2", {}, t("check.failed")), problem(check.error, check.hint),
        h("div", { class: "ts-actions" }, button(t("retry"), retry, { kind: "primary", key: `retry-${check.id}` }), button(t("delete"), () => this.#erase(check), { kind: "link", key: `erase-${check.id}` })));
    }
    return h("section", { class: "ts-card" }, h("h2", {}, t("check.under_way")), h("p", { class: "ts-soft" }, told(check)), progress(check.progress, check.stage || t("data.soon")),
      h("div", { class: "ts-actions" }, button(t("check.stop"), () => this.#erase(check), { key: `stop-${check.id}` })));
  }

  #choosing(ready, chosen) {
    if (ready.length < 2) return [];
    const options = ready.map((check) => [check.id, told(check)]);
    return h("div", { class: "ts-field" }, h("label", { for: "check-which" }, t("check.which", { n: count(ready.length) })),
      choice("check-which", options, chosen.id, (id) => { this.shown = id; return this.#look(); }));
  }

  async #again(check) {
    const made = await post("/api/v1/safety-checks", { contestant: check.contestant, profile_id: check.profile_id, longest: check.longest });
    this.shown = made.id;
    await this.#look();
  }

  async #erase(check) {
    const path = `/api/v1/evaluations/${check.id}`;
    await remove(path);
    await this.#look();
    notice(t("deleted", { name: check.name }), { undo: async () => { await post(`${path}/restore`); await this.#look(); } });
  }
}

function told(check) {
  const when = moment(check.created_at);
  return check.profile_name ? t("check.told_profile", { when, profile: check.profile_name }) : t("check.told", { when });
}

function about(seconds) {
  return seconds < 90 ? t("check.seconds", { n: Math.max(5, Math.round(seconds / 5) * 5) }) : t("check.minutes", { n: count(Math.round(seconds / 60)) });
}

function limits() {
  return h("section", { class: "ts-card" }, h("h2", {}, t("check.limits")), h("p", {}, t("check.can")), h("p", {}, t("check.cannot")), h("p", {}, t("check.measured")));
}
