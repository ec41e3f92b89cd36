// What a safety check found: in a sentence, as a table by kind of question, beside the base model, and for the model card.

import { fill, h } from "./dom.js";
import { count, moment } from "./format.js";
import { button, link } from "./parts.js";
import { drawCases } from "./safety_check_cases.js";
import { t } from "./words.js";

const CHANCE = 0.05;
export const HARMLESS = ["look_alike", "general_health"];

export function drawFound(check, { erase, again }) {
  const view = { guarded: false };
  const place = h("div", {});
  const show = () => fill(place, lens(check, view, show), found(check, view));
  show();
  return h("section", { class: "ts-card", id: "check-found" }, h("h2", {}, t("check.result", { title: check.title })),
    h("p", { class: "ts-soft" }, about(check)), check.classifier_left_out ? h("p", { class: "ts-warning" }, t("check.no_classifier", { why: check.classifier_left_out })) : null,
    place, cardWords(check),
    h("div", { class: "ts-actions" }, button(t("check.again"), again, { key: `again-${check.id}` }), link(t("check.csv"), `/api/v1/safety-checks/${check.id}/export`),
      link(t("check.talk"), `/playground?with=${check.contestant}`), button(t("delete"), erase, { kind: "link", key: `erase-${check.id}` })));
}

function about(check) {
  const profile = check.profile_name ? t("check.under_profile", { name: check.profile_name }) : t("check.under_none");
  return `${t("check.about", { when: moment(check.created_at), n: count(check.questions), longest: count(check.longest) })} ${profile}`;
}

// As the model wrote it, or as the profile let it through.
function lens(check, view, show) {
  if (!check.profile_id) return null;
  const way = (guarded, words) => {
    const input = h("input", { type: "radio", name: "check-lens", id: `lens-${guarded}`, checked: view.guarded === guarded });
    input.addEventListener("change", () => { view.guarded = guarded; show(); document.getElementById(`lens-${guarded}`)?.focus(); });
    return h("label", { class: "ts-tick", for: `lens-${guarded}` }, input, words);
  };
  return h("fieldset", { class: "ts-lens" }, h("legend", {}, t("check.lens")), way(false, t("check.lens_raw")), way(true, t("check.lens_guarded", { name: check.profile_name })));
}

function found(check, view) {
  const mine = check.sides.at(-1);
  const base = check.sides.length > 1 ? check.sides[0] : null;
  const rows = view.guarded ? mine.guarded : mine.raw;
  if (!rows) return h("p", { class: "ts-error" }, mine.error ? `${mine.error} ${mine.hint ?? ""}` : t("check.nothing"));
  const before = base && (view.guarded ? base.guarded : base.raw);
  const differences = view.guarded ? check.guarded_differences : check.differences;
  return [
    h("p", { class: "ts-lead", id: "check-summary" }, summary(rows.at(-1)), " ", base ? beside(differences?.at(-1), base) : ""),
    base && !before ? h("p", { class: "ts-warning" }, t("check.base_failed", { why: base.error ?? t("check.nothing") })) : null,
    mine.cut_off ? h("p", { class: "ts-soft ts-small" }, t("check.cut_off", { n: count(mine.cut_off), longest: count(check.longest) })) : null,
    table(rows, before, differences, check),
    h("p", { class: "ts-soft ts-small" }, t("check.interval")),
    drawCases(check, view.guarded),
  ];
}

function summary(all) {
  return all.asked ? t("check.summary", { passed: count(all.passed), asked: count(all.asked), percent: percent(all.share), low: percent(all.low), high: percent(all.high), missed: count(all.missed), alarms: count(all.false_alarms) }) : t("check.nothing");
}

function beside(difference, base) {
  if (!difference) return "";
  const numbers = { base: base.title, better: count(difference.better), worse: count(difference.worse) };
  if (!difference.better && !difference.worse) return t("check.beside_same", numbers);
  return difference.chance < CHANCE ? t("check.beside_sure", numbers) : t("check.beside_chance", numbers);
}

function table(rows, before, differences, check) {
  const titles = [t("check.kind"), t("check.passed"), t("check.missed"), t("check.alarms"), ...(before ? [check.sides[0].title, t("check.beside")] : [])];
  const line = (row, index) => {
    const cell = (column, ...content) => h("td", { "data-label": titles[column], class: content[0] === "–" ? "ts-none" : "" }, content);
    const isHarmless = HARMLESS.includes(row.category);
    const all = row.category === "all";
    return h("tr", { class: all ? "ts-sum" : "" }, h("th", { scope: "row" }, t(`check.category.${row.category}`), h("span", { class: "ts-soft ts-small" }, t(`check.should.${row.category}`))),
      cell(1, share(row)), cell(2, isHarmless ? "–" : count(row.missed)), cell(3, isHarmless || all ? count(row.false_alarms) : "–"),
      before ? cell(4, words(before[index])) : null, before ? cell(5, change(differences?.[index])) : null);
  };
  return h("div", { class: "ts-check-table" }, h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, titles.map((title) => h("th", { scope: "col" }, title)))), h("tbody", {}, rows.map(line))));
}

function share(row) {
  if (!row.asked) return t("check.not_asked");
  const fill = h("div", { class: "ts-share-fill" });
  const span = h("div", { class: "ts-share-span" });
  fill.style.width = `${100 * row.share}%`;
  span.style.left = `${100 * row.low}%`;
  span.style.width = `${100 * (row.high - row.low)}%`;
  return [h("div", { class: "ts-share", "aria-hidden": "true" }, fill, span), h("span", {}, words(row)), " ", h("span", { class: "ts-soft ts-small" }, t("check.span", { low: percent(row.low), high: percent(row.high) }))];
}

function words(row) {
  return row.asked ? t("check.share", { passed: count(row.passed), asked: count(row.asked), percent: percent(row.share) }) : t("check.not_asked");
}

function change(difference) {
  if (!difference) return "–";
  const { better, worse } = difference;
  return better || worse ? t("check.change", { better: count(better), worse: count(worse) }) : t("check.change_none");
}

function percent(value) { return String(Math.round(100 * value)); }

function cardWords(check) {
  const text = h("pre", { class: "ts-log", tabindex: "0" });
  const details = h("details", { id: "check-card" }, h("summary", {}, t("check.card")), h("p", { class: "ts-soft ts-small" }, t("check.card_words")), text);
  details.addEventListener("toggle", async () => {
    if (!details.open || text.textContent) return;
    const response = await fetch(`/api/v1/safety-checks/${check.id}/card`);
    text.textContent = response.ok ? await response.text() : t("error.no_answer");
  });
  return details;
}
