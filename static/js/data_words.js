// What the studio's own names for formats, operations and kinds of findings are called in front of people.

import { count } from "./format.js";
import { t } from "./words.js";

const SHAPES = {
  messages: "shape.messages", sharegpt: "shape.sharegpt", alpaca: "shape.alpaca", prompt_completion: "shape.prompt_completion", text: "shape.text",
  preference: "shape.preference", kto: "shape.kto", columns: "shape.columns", mixed: "shape.mixed",
};
const TARGETS = { chat: "target.chat", text: "target.text", preference: "target.preference", labelled: "target.labelled" };
const OPERATIONS = {
  split: "operation.split", reread: "operation.reread", filter: "operation.filter", sample: "operation.sample", edit: "operation.edit", mix: "operation.mix",
  clean: "operation.clean", redact: "operation.redact", chosen: "operation.chosen", written: "operation.written", hub: "operation.hub", answers: "operation.answers",
};
const PERSONAL = {
  email: "personal.email", phone: "personal.phone", iban: "personal.iban", card: "personal.card", ip: "personal.ip", birth_date: "personal.birth_date",
  record_number: "personal.record_number", social_security: "personal.social_security", name: "personal.name",
};

const REPAIRS = {
  byte_order_mark: "repair.byte_order_mark", windows_1252: "repair.windows_1252", trailing_comma: "repair.trailing_comma",
  python_dict: "repair.python_dict", role_name: "repair.role_name", content_parts: "repair.content_parts",
};

const worded = (map, name) => (map[name] ? t(map[name]) : String(name).replaceAll("_", " "));
export const shape = (name) => worded(SHAPES, name);
export const target = (name) => worded(TARGETS, name);
export const personal = (kind) => worded(PERSONAL, kind);
export const repair = (kind) => worded(REPAIRS, kind);

// One sentence on how a version was made.
export function title(operation) {
  if (!operation) return t("operation.file");
  return [worded(OPERATIONS, operation.kind), detail(operation)].filter(Boolean).join(": ");
}

function detail(operation) {
  const { kind } = operation;
  if (kind === "split") return operation.by === "file" ? t("operation.by_file") : t("operation.by_share", { percent: percent(operation.share) });
  if (kind === "filter") return conditions(operation);
  if (kind === "sample") return t("operation.rows", { n: count(operation.rows) });
  if (kind === "edit") return t("operation.edits", { changed: count(operation.changed?.length ?? 0), deleted: count(operation.deleted?.length ?? 0) });
  if (kind === "mix") return t("operation.parts", { weights: operation.parts.map(({ weight }) => weight).join(" : ") });
  if (kind === "redact") return redacted(operation.kinds ?? []);
  if (kind === "answers") return operation.called;
  return kind === "hub" ? operation.name : "";
}

function redacted(kinds) {
  const all = !kinds.length || Object.keys(PERSONAL).every((kind) => kinds.includes(kind));
  return all ? t("operation.all_kinds") : kinds.map(personal).join(", ");
}

function conditions(operation) {
  return [
    operation.contains ? t("operation.contains", { text: operation.contains }) : null,
    operation.lacks ? t("operation.lacks", { text: operation.lacks }) : null,
    operation.answer_at_least ? t("operation.at_least", { n: count(operation.answer_at_least) }) : null,
    operation.answer_at_most ? t("operation.at_most", { n: count(operation.answer_at_most) }) : null,
    operation.split ? t(operation.split === "test" ? "operation.exam_only" : "operation.no_exam") : null,
    operation.without ? t("operation.without", { n: count(operation.without.length) }) : null,
    operation.rows ? t("operation.rows", { n: count(operation.rows.length) }) : null,
  ].filter(Boolean).join(", ");
}

// A share as people read it: never 0 % for something that is there, never 100 % for something that is not whole.
export function percent(share) {
  const value = 100 * (share ?? 0);
  if (value > 0 && value < 0.1) return "< 0.1 %";
  if (value < 100 && value > 99.9) return "> 99.9 %";
  return `${Number(value.toFixed(value < 10 || (value > 99.4 && value < 100) ? 1 : 0))} %`;
}

const OF_A_FILE = [undefined, "hub", "reread"];

// Whether the rows come from a file of somebody's, whose columns can be read differently.
export function hasColumns(dataset) { return OF_A_FILE.includes(dataset.operation?.kind); }
