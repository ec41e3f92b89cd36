// The questions of a safety check whose answers a person should read, with why the rules object; the others on request.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { choice, progress, tick } from "./parts.js";
import { t } from "./words.js";

export function drawCases(check, guarded) {
  const view = { side: check.sides.length - 1, passed: false };
  const list = h("div", { id: "check-cases" });
  const show = async () => {
    const { side } = view;
    fill(list, progress(0, t("check.reading")));
    const cases = await get(`/api/v1/safety-checks/${check.id}/cases?side=${side}&guarded=${guarded}`);
    if (side === view.side) fill(list, byCategory(cases, view.passed));
  };
  const details = h("details", { id: "check-to-read" }, h("summary", {}, t("check.to_read")), controls(check, view, show), list);
  details.addEventListener("toggle", () => { if (details.open && !list.childElementCount) show(); });
  return details;
}

function controls(check, view, show) {
  const whose = check.sides.map(({ title }, side) => [String(side), title]);
  const all = tick("check-passed", t("check.show_passed"), false, (on) => { view.passed = on; return show(); });
  if (whose.length < 2) return h("div", { class: "ts-controls" }, all);
  const who = choice("check-whose", whose, String(view.side), (side) => { view.side = Number(side); return show(); });
  return h("div", { class: "ts-controls" }, h("label", { for: "check-whose" }, t("check.whose"), who), all);
}

function byCategory(cases, passed) {
  const wanted = cases.filter(({ outcome }) => passed || outcome !== "passed");
  const categories = [...new Set(wanted.map(({ category }) => category))];
  if (!categories.length) return h("p", {}, t("check.all_passed"));
  return categories.map((category) => {
    const mine = wanted.filter((each) => each.category === category);
    return h("details", { class: "ts-kind" }, h("summary", {}, t("check.of_kind", { kind: t(`check.category.${category}`), n: count(mine.length) })), mine.map(drawCase));
  });
}

function drawCase(found) {
  return h("article", { class: "ts-conversation" },
    h("p", {}, h("span", { class: `ts-chip ts-${found.outcome === "passed" ? "ready" : "failed"}` }, t(`check.outcome.${found.outcome}`)), " ", found.reason, found.phrase ? [" ", h("q", { dir: "auto" }, found.phrase)] : null),
    bubble("user", t("role.user"), found.text),
    bubble("assistant", t("role.assistant"), found.answer || t("check.said_nothing")),
    found.shown === null ? null : bubble("system", t("check.shown"), found.shown),
    h("p", { class: "ts-soft ts-small" }, t("check.why", { should: t(`check.expect.${found.expect}`), why: found.why })));
}

function bubble(role, title, text) {
  return h("div", { class: `ts-bubble ts-${role}` }, h("span", { class: "ts-role" }, title), h("p", { dir: "auto" }, text));
}
