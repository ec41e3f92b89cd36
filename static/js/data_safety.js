// Which rows break a rule of a safety profile, asked for where a person wants to know.

import { get } from "./api.js";
import { answered, ask } from "./data_analysis.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, choice, field, link } from "./parts.js";
import { actionWords } from "./safety_trial.js";
import { t } from "./words.js";

const SHOWN = 8;

export function safetyCheck(dataset, page) {
  const place = h("div", {});
  const controls = h("div", {});
  const start = async () => {
    const profiles = (await get("/api/v1/safety/profiles")).filter((each) => !each.faults.length);
    const chosen = choice("check-profile", profiles.map(({ id, name }) => [id, name]));
    const check = async () => {
      const { drawing } = page;
      const analysis = await ask(dataset, "safety", { profile_id: chosen.value });
      const result = await answered(analysis, place, { shown: () => page.shows(drawing), title: t("care.safety"), words: t("care.safety_working") });
      if (result) fill(place, findings(result, page));
    };
    fill(controls, field(t("safety.profile"), chosen), h("div", { class: "ts-actions" }, button(t("care.safety_check"), check, { kind: "primary" }), link(t("care.safety_profiles"), "/safety")));
  };
  start();
  return h("section", { class: "ts-card" }, h("h2", {}, t("care.safety")), h("p", {}, t("care.safety_words")), controls, place);
}

function findings(found, page) {
  const part = found.checked < found.rows ? h("p", { class: "ts-warning" }, t("care.part", { checked: count(found.checked), rows: count(found.rows) })) : null;
  if (!found.rules.length) return [part, h("p", {}, `✓ ${t("care.safety_none", { profile: found.profile })}`)];
  return [part, h("p", {}, t("care.safety_found", { n: count(found.found), rows: count(found.checked), profile: found.profile })), found.rules.map((rule) => broken(rule, page))];
}

function broken(rule, page) {
  const line = ({ row, line: number, text }) => h("li", {}, h("q", { dir: "auto" }, text), " · ", page.rowLink(row), ` (${t("care.line", { n: count(number) })})`);
  const title = rule.side === "input" ? t("care.safety_asked", { title: rule.title, n: count(rule.rows) }) : t("care.safety_told", { title: rule.title, n: count(rule.rows) });
  const rest = rule.samples.slice(SHOWN);
  return h("article", { class: "ts-kind" }, h("h3", {}, title), h("p", { class: "ts-soft ts-small" }, t("care.safety_action", { action: actionWords(rule.action) })),
    h("ul", { class: "ts-list" }, rule.samples.slice(0, SHOWN).map(line)),
    rest.length ? h("details", {}, h("summary", {}, t("care.and_more", { n: count(rest.length) })), h("ul", { class: "ts-list" }, rest.map(line))) : null);
}
