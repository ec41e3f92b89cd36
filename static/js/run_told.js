// How a run was trained, in words: its method, what learned, which path it took and why, and what became of the rows.

import { h } from "./dom.js";
import { count, number } from "./format.js";
import { fact } from "./parts.js";
import { t } from "./words.js";

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

const rows = (found, side) => [
  found[`${side}_rows`] === undefined ? "" : t("told.rows_all", { n: count(found[`${side}_rows`]) }),
  found[`${side}_cut`] ? t("told.rows_cut", { n: count(found[`${side}_cut`]) }) : "",
  found[`${side}_divided`] ? t("told.rows_divided", { n: count(found[`${side}_divided`]) }) : "",
  found[`${side}_dropped`] ? t("told.rows_dropped", { n: count(found[`${side}_dropped`]) }) : "",
].filter(Boolean).join(", ");

// The facts of a run by their label; each reads the settings and what was found, and is left out where it is empty.
const FACTS = [
  ["told.method", (spec) => methodName(spec.method)],
  ["told.adapter", (spec) => t(`adapters.kind.${spec.adapter}`)],
  ["told.learns", (spec, found) => (found.trainable_parameters ? t("told.numbers", { n: count(found.trainable_parameters) }) : "")],
  ["told.teacher", (spec, found) => found.teacher],
  ["told.template", (spec, found) => found.template],
  ["told.answers", (spec, found) => found.answers_found_by],
  ["told.share", (spec, found) => (found.learned_share === undefined ? "" : percent(found.learned_share))],
  ["told.rows", (spec, found) => rows(found, "train")],
  ["told.exam", (spec, found) => rows(found, "eval")],
  ["told.exam_by", (spec, found) => found.exam_chosen_by],
  ["told.judged", (spec, found) => (found.good_answers === undefined ? "" : t("told.good_and_bad", { good: count(found.good_answers), bad: count(found.bad_answers) }))],
  ["told.lengths", (spec, found) => (found.chosen_tokens === undefined ? "" : t("told.two_lengths", { chosen: number(found.chosen_tokens, 3), rejected: number(found.rejected_tokens, 3) }))],
  ["told.reference", (spec, found) => found.reference],
  ["told.packing", (spec, found) => (found.packing === undefined ? "" : t(found.packing ? "told.packed" : "told.single"))],
  ["told.attention", (spec, found) => found.attention],
  ["told.precision", (spec, found) => found.precision],
  ["told.device", (spec, found) => (found.device ? t("told.device_threads", { device: found.device, n: count(found.threads) }) : "")],
  ["told.processes", (spec, found) => found.processes],
];

// Names of paths that mean nothing to a reader.
const PATHS = { "answers-only head": t("told.path_answers"), "plain TRL": t("told.path_plain") };

const MANY = 0.1;

// Whether so many rows were left out that the result is another than one may expect.
function lost(found) { return found.train_dropped > MANY * found.train_rows; }

// The first line of a way of learning is its name.
export function methodName(method) { return t(`train.method.${method}`).split("\n")[0]; }

export function told(run) {
  const found = run.facts ?? {};
  const known = FACTS.map(([label, value]) => [label, value(run.spec, found)]).filter(([, value]) => value);
  return [
    h("div", { class: "ts-facts" }, known.map(([label, value]) => fact(t(label), String(value)))),
    found.path ? h("p", {}, h("strong", {}, `${t("told.path")}: `), PATHS[found.path] ?? found.path) : null,
    lost(found) ? h("p", { class: "ts-warning" }, t("told.lost", { n: count(found.train_dropped), all: count(found.train_rows) })) : null,
    [...(found.template_told ?? []), ...(found.settings_told ?? [])].map((words) => h("p", { class: "ts-soft" }, words)),
  ];
}

// How many directions each layer had when the room was first divided, and has now.
export function roomTable({ layers, steps }) {
  const [first, last] = [steps[0], steps.at(-1)];
  const row = (name, index) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, count(first.ranks[index])), h("td", {}, count(last.ranks[index])));
  return [
    h("p", { class: "ts-soft" }, t("room.words", { first: count(first.step), last: count(last.step) })),
    h("div", { class: "ts-scroll" }, h("table", { class: "ts-table" },
      h("thead", {}, h("tr", {}, [t("room.layer"), t("room.first"), t("room.last")].map((words) => h("th", { scope: "col" }, words)))),
      h("tbody", {}, layers.map(row)))),
  ];
}

