// What a careful reader would find: copies, personal data, odd answers, and how hard the answers are to read.

import { answered, ask } from "./data_analysis.js";
import { personal, percent } from "./data_words.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { safetyCheck } from "./data_safety.js";
import { button, tick } from "./parts.js";
import { t } from "./words.js";

const SHOWN = 8;

export async function drawCare(place, dataset, page) {
  const { drawing } = page;
  const analysis = dataset.care ?? await ask(dataset, "care", {});
  const result = await answered(analysis, place, { shown: () => page.shows(drawing), title: t("care.working"), words: t("care.working_words") });
  if (result) fill(place, findings(result, dataset, page));
  else if (page.shows(drawing)) place.append(h("div", { class: "ts-actions" }, button(t("retry"), () => again(dataset, page))));
}

async function again(dataset, page) {
  dataset.care = await ask(dataset, "care", {});
  page.show();
}

function findings(found, dataset, page) {
  return [
    found.checked < found.rows ? h("p", { class: "ts-warning" }, t("care.part", { checked: count(found.checked), rows: count(found.rows) })) : null,
    duplicates(found, dataset, page), personalData(found.personal, dataset, page), answers(found.answers, page), readability(found.readability),
    safetyCheck(dataset, page),
  ];
}

// Where nothing was found a section is one quiet line.
function section(title, words, ...more) {
  return h("section", { class: "ts-card" }, h("h2", {}, title), h("p", {}, words), more);
}

function duplicates({ duplicates: { exact, near }, answers: odd }, dataset, page) {
  const nothing = !exact.rows && !near.rows;
  if (nothing) return section(t("care.copies"), `✓ ${t("care.no_copies")}`);
  const clean = () => page.make({ kind: "clean", dataset_id: dataset.id });
  return section(t("care.copies"), t("care.copies_words", { exact: count(exact.rows), near: count(near.rows) }),
    groups(t("care.exact"), exact.groups.map((rows) => ({ rows })), page),
    groups(t("care.near"), near.groups, page),
    h("div", { class: "ts-actions" }, button(t("care.clean"), clean, { kind: "primary" })),
    h("p", { class: "ts-soft ts-small" }, odd?.empty?.rows ? t("care.clean_words_empty", { empty: count(odd.empty.rows) }) : t("care.clean_words")));
}

function groups(title, found, page) {
  if (!found.length) return null;
  const line = ({ rows, similarity }) => h("li", {}, rowLinks(rows, page), similarity ? ` · ${t("care.alike", { percent: percent(similarity) })}` : null);
  const rest = found.length - SHOWN;
  return h("div", { class: "ts-groups" }, h("h3", {}, title), h("ul", { class: "ts-list" }, found.slice(0, SHOWN).map(line)),
    rest > 0 ? h("details", {}, h("summary", {}, t("care.more_groups", { n: count(rest) })), h("ul", { class: "ts-list" }, found.slice(SHOWN).map(line))) : null);
}

function rowLinks(rows, page, most = SHOWN) {
  const links = rows.slice(0, most).flatMap((row, index) => [index ? ", " : "", page.rowLink(row)]);
  return [...links, rows.length > most ? ` ${t("care.and_more", { n: count(rows.length - most) })}` : ""];
}

function personalData(found, dataset, page) {
  const kinds = Object.entries(found.kinds).filter(([, { count: many }]) => many);
  if (!kinds.length) return section(t("care.personal"), `✓ ${t("care.no_personal")}`);
  const chosen = new Set(kinds.map(([kind]) => kind));
  const redact = () => page.make({ kind: "redact", dataset_id: dataset.id, kinds: [...chosen] });
  const make = button(t("care.redact"), redact, { kind: "primary" });
  const choose = (kind) => (on) => { chosen[on ? "add" : "delete"](kind); make.disabled = !chosen.size; };
  const block = ([kind, { count: many, rows, samples }]) => h("article", { class: "ts-kind" },
    tick(`redact-${kind}`, `${personal(kind)}: ${t("care.times", { n: count(many), rows: count(rows) })}`, true, choose(kind)),
    h("ul", { class: "ts-list ts-samples" }, samples.slice(0, 4).map(({ row, masked }) => h("li", {}, h("code", {}, masked), " · ", page.rowLink(row)))));
  return section(t("care.personal"), t("care.personal_words", { rows: count(found.rows) }), kinds.map(block),
    h("div", { class: "ts-actions" }, make), h("p", { class: "ts-soft ts-small" }, t("care.redact_words")));
}

function answers(found, page) {
  const parts = [empties(found.empty, page), identical(found.identical, page), refusals(found.refusals, page), languages(found.languages, page)].filter(Boolean);
  const lengths = found.lengths ? h("p", { class: "ts-soft" }, t("care.lengths", { median: count(found.lengths.median), long: count(found.lengths.p90), longest: count(found.lengths.longest) })) : null;
  return section(t("care.answers"), parts.length ? t("care.answers_words") : `✓ ${t("care.no_answers")}`, parts, lengths);
}

function finding(title, ...more) {
  return h("article", { class: "ts-kind" }, h("h3", {}, title), more);
}

function empties(found, page) {
  return found?.rows ? finding(t("care.empty", { n: count(found.rows) }), h("p", {}, rowLinks(found.samples, page))) : null;
}

function identical(found, page) {
  if (!found?.rows) return null;
  return finding(t("care.identical", { n: count(found.rows) }), h("ul", { class: "ts-list" }, found.groups.slice(0, SHOWN).map(({ answer, rows, count: many }) =>
    h("li", {}, h("q", { dir: "auto" }, answer.length > 160 ? `${answer.slice(0, 160)}…` : answer), ` · ${t("report.times", { n: count(many) })} · `, rowLinks(rows, page, 4)))));
}

function refusals(found, page) {
  if (!found?.rows) return null;
  return finding(t("care.refusals", { n: count(found.rows) }), h("ul", { class: "ts-list" }, found.samples.slice(0, SHOWN).map(({ row, text }) =>
    h("li", {}, h("q", { dir: "auto" }, text.length > 160 ? `${text.slice(0, 160)}…` : text), " · ", page.rowLink(row)))));
}

function languages(found, page) {
  if (!found?.others?.length) return null;
  const names = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });
  const named = (code) => { try { return names.of(code); } catch { return code; } };
  return finding(t("care.languages", { main: named(found.main), percent: percent(found.share) }),
    h("ul", { class: "ts-list" }, found.others.map(({ language, rows, samples }) => h("li", {}, `${named(language)}: ${count(rows)} · `, rowLinks(samples, page, 4)))));
}

// School years as people know them, from the Flesch-Kincaid grade.
const GRADES = [[6, "care.grade.easy"], [9, "care.grade.plain"], [13, "care.grade.school"], [17, "care.grade.college"], [Infinity, "care.grade.expert"]];

function readability(found) {
  if (!found?.grade) return section(t("care.readability"), found?.why ?? t("care.no_readability"));
  const { median, p10, p90 } = found.grade;
  const [, words] = GRADES.find(([below]) => median < below);
  const range = t("care.grades", { median: median.toFixed(1), low: p10.toFixed(1), high: p90.toFixed(1) });
  return section(t("care.readability"), t(words), h("p", { class: "ts-soft" }, range, found.ease ? ` · ${t("care.ease", { ease: found.ease.median.toFixed(0) })}` : ""));
}
