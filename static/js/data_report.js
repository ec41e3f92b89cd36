// The report: how the file was understood, what cannot be used and why, what was repaired, and the first rows.

import { get } from "./api.js";
import { example } from "./data_bubbles.js";
import { hasColumns, percent, repair, shape, target } from "./data_words.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, link } from "./parts.js";
import { t } from "./words.js";

const FAULTS_A_PAGE = 50;
const FIRST_ROWS = 3;

export async function drawReport(place, dataset, page) {
  const report = dataset.report ?? {};
  const faults = h("div", {});
  const rows = h("div", {});
  fill(place, understood(dataset, report, page), faults, repairs(report), files(report), rows);
  await Promise.all([drawFaults(faults, dataset), drawFirst(rows, dataset, page)]);
}

function understood(dataset, report, page) {
  const sure = report.confidence === undefined || report.confidence === null ? "" : t("report.sure", { percent: percent(report.confidence) });
  return h("section", { class: "ts-card" }, h("h2", {}, t("report.understood")),
    h("p", {}, t("report.shape", { shape: shape(dataset.shape), target: target(dataset.target ?? "chat") }), " ", sure),
    report.written_by ? h("p", {}, t("report.written_by", { n: count(report.written_by.written), model: report.written_by.model })) : null,
    report.characters ? h("p", { class: "ts-soft" }, sizes(report)) : null,
    (dataset.warnings ?? []).map((warning) => h("p", { class: "ts-warning" }, warning)),
    hasColumns(dataset) ? h("p", {}, page.link(t("report.otherwise"), "columns")) : null);
}

function sizes(report) {
  const { characters, turns } = report;
  return [
    characters.mean ? t("report.characters", { mean: count(Math.round(characters.mean)), longest: count(characters.longest) }) : null,
    turns?.mean ? t("report.turns", { mean: Number(turns.mean.toFixed(1)), longest: count(turns.longest) }) : null,
    report.blank_lines ? t("report.blank", { n: count(report.blank_lines) }) : null,
  ].filter(Boolean).join(" · ");
}

async function drawFaults(place, dataset) {
  if (!dataset.rows_refused) return;
  const path = `/api/v1/datasets/${dataset.id}`;
  const kinds = await get(`${path}/faults/kinds`);
  fill(place, h("section", { class: "ts-card", id: "faults" }, h("h2", {}, t("data.faults", { n: count(dataset.rows_refused) })),
    h("p", { class: "ts-soft" }, t("data.faults_words")),
    h("div", { class: "ts-actions" }, link(t("report.download_refused"), `${path}/faults.jsonl`)),
    kinds.filter(({ first }) => first).map((group) => faultGroup(group, path))));
}

// One kind of fault: its first example in full, the others on demand.
function faultGroup({ kind, count: many, first }, path) {
  const all = h("div", {});
  const more = button(t("report.all_of_kind", { n: count(many) }), () => drawFaultList(all, path, kind, many, 0), { key: `all-${kind}` });
  return h("article", { class: "ts-fault", "data-kind": kind },
    h("div", { class: "ts-row ts-between" }, h("h3", {}, first.reason), h("span", { class: "ts-chip" }, t("report.times", { n: count(many) }))),
    first.hint ? h("p", {}, t("report.repair"), " ", first.hint) : null,
    h("p", { class: "ts-soft ts-small" }, t("report.first_at"), " ", where(first)),
    first.text ? h("pre", { class: "ts-raw" }, shortened(first)) : null,
    many > 1 ? h("div", { class: "ts-actions" }, more) : null, all);
}

function where(fault) {
  const at = t("report.where", { line: count(fault.line), column: count(fault.column) });
  return fault.file ? `${fault.file}, ${at}` : at;
}

// The part of the record around the column that the fault names.
function shortened({ text, column }) {
  const start = Math.max(0, (column ?? 1) - 120);
  return `${start ? "…" : ""}${text.slice(start, start + 300)}${text.length > start + 300 ? "…" : ""}`;
}

async function drawFaultList(place, path, kind, many, start) {
  const faults = await get(`${path}/faults?kind=${encodeURIComponent(kind)}&start=${start}&count=${FAULTS_A_PAGE}`);
  const names = ["data.fault.line", "data.fault.column", "data.fault.reason"];
  const turn = (to) => () => drawFaultList(place, path, kind, many, to);
  const last = Math.min(start + faults.length, many);
  fill(place, h("div", { class: "ts-scroll", tabindex: "0", role: "group", "aria-label": t("report.list") }, h("table", { class: "ts-table" },
    h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, t(name))))),
    h("tbody", {}, faults.map((fault) => h("tr", {}, h("td", {}, count(fault.line)), h("td", {}, count(fault.column)),
      h("td", {}, fault.reason, fault.hint ? h("div", { class: "ts-soft" }, fault.hint) : null, fault.file ? h("div", { class: "ts-soft ts-small" }, fault.file) : null)))))),
  many > FAULTS_A_PAGE ? h("div", { class: "ts-actions" },
    button(t("page.before"), turn(Math.max(0, start - FAULTS_A_PAGE)), { disabled: start === 0 }),
    h("span", { class: "ts-soft" }, t("data.range", { from: count(start + 1), to: count(last), all: count(many) })),
    button(t("page.after"), turn(start + FAULTS_A_PAGE), { disabled: faults.length < FAULTS_A_PAGE || last >= many })) : null);
}

function repairs(report) {
  const found = Object.entries(report.repairs ?? {});
  if (!found.length) return null;
  return h("section", { class: "ts-card" }, h("h2", {}, t("report.repaired", { n: count(report.rows_repaired) })), h("p", { class: "ts-soft" }, t("report.repaired_words")),
    h("ul", { class: "ts-list" }, found.map(([kind, many]) => h("li", {}, `${repair(kind)}: ${count(many)}`))));
}

function files(report) {
  if ((report.files ?? []).length < 2) return null;
  const names = ["report.file", "report.format", "data.good", "data.refused"];
  return h("section", { class: "ts-card" }, h("h2", {}, t("report.files", { n: count(report.files.length) })),
    h("div", { class: "ts-scroll ts-wide", tabindex: "0", role: "group", "aria-label": t("report.file") }, h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, t(name))))),
      h("tbody", {}, report.files.map((file) => h("tr", {}, h("td", {}, file.name), h("td", {}, file.format), h("td", {}, count(file.rows)), h("td", {}, count(file.refused))))))));
}

async function drawFirst(place, dataset, page) {
  if (!dataset.rows_good) return;
  const rows = await get(`/api/v1/datasets/${dataset.id}/rows?start=0&count=${FIRST_ROWS}`);
  fill(place, h("section", { class: "ts-card" }, h("h2", {}, t("report.first_rows")), rows.map((row) => example(row, t("data.line_number", { n: count(row.line) }))),
    h("div", { class: "ts-actions" }, page.link(t("report.all_rows", { n: count(dataset.rows_good) }), "rows", {}, "plain"), page.link(t("view.learned"), "learned", {}, "plain"))));
}
