// Prepare: split, filter, sample, mix, turn into conversations, let a larger model answer, clean, redact; each makes a new version and leaves this one as it is.

import { get } from "./api.js";
import { answersFields } from "./data_answers.js";
import { hasColumns, personal } from "./data_words.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, choice, field, tick } from "./parts.js";
import { t } from "./words.js";

const KINDS = ["email", "phone", "iban", "card", "ip", "birth_date", "record_number", "social_security", "name"];
const OWN_ANSWERS = ["preference", "labelled"];
const EXAM = "test, validation";

export async function drawPrepare(place, dataset, page) {
  const [all, voices] = await Promise.all([get("/api/v1/datasets"), get("/api/v1/contestants?own=true")]);
  const others = all.filter(({ id, status }) => status === "ready" && id !== dataset.id);
  const make = (operation) => page.make({ dataset_id: dataset.id, ...operation });
  fill(place, h("p", { class: "ts-soft ts-lead" }, t("prepare.words")),
    splitForm(dataset, others, make), filterForm(dataset, make), sampleForm(dataset, make), mixForm(dataset, others, page),
    OWN_ANSWERS.includes(dataset.target) ? form("chosen", t("prepare.chosen"), t("prepare.chosen_help"), [], () => make({ kind: "chosen" })) : null,
    answersForm(dataset, voices, make), cleanForm(make), redactForm(dataset, make));
}

// One operation: its name and a sentence always in sight, its settings on demand.
function form(name, title, help, fields, action) {
  const wrong = h("p", { class: "ts-error", role: "alert" });
  const place = h("div", {}, fields);
  const tried = async () => {
    fill(wrong);
    place.querySelectorAll("[aria-invalid]").forEach((control) => control.removeAttribute("aria-invalid"));
    try { await action(); } catch (error) { fill(wrong, said(error, name, place)); }
  };
  return h("details", { class: "ts-card ts-operation", id: `prepare-${name}`, name: "prepare" }, h("summary", {}, h("span", { class: "ts-operation-title" }, title), h("span", { class: "ts-soft ts-operation-help" }, help)),
    place, wrong, action ? h("div", { class: "ts-actions" }, button(t("prepare.make"), tried, { kind: "primary", key: `make-${name}` })) : null);
}

// What was refused, each with the label of its field; a control's id is the name of the form and of the setting.
function said(error, name, place) {
  if (!error.faults?.length) return [error.message, error.hint].filter(Boolean).join(" ");
  return error.faults.map(({ field: path, message }) => {
    const control = place.querySelector(`#${CSS.escape(`${name}-${path.split(".").at(-1)}`)}`);
    control?.setAttribute("aria-invalid", "true");
    const label = control && place.querySelector(`label[for="${control.id}"]`);
    return `${label ? `${label.textContent}: ` : ""}${message}`;
  }).join(" ");
}

function numeric(id, value, { min, max, step = "1" } = {}) {
  return h("input", { type: "number", id, value: String(value), min, max, step });
}

function whole(control) { return control.value === "" ? null : Math.round(Number(control.value)); }

// What is asked for in percent, as a share.
function shareOf(control, name) {
  const percent = Number(control.value);
  if (percent >= Number(control.min) && percent <= Number(control.max)) return percent / 100;
  control.setAttribute("aria-invalid", "true");
  throw new Error(t("prepare.between", { name, min: control.min, max: control.max }));
}

function splitForm(dataset, others, make) {
  const share = numeric("split-share", 10, { min: "1", max: "90" });
  const seed = numeric("split-seed", 1, { min: "0" });
  const column = choice("split-column", (dataset.report?.columns ?? []).map((name) => [name, name]));
  const values = h("input", { type: "text", id: "split-values", value: EXAM, maxlength: "200" });
  const file = choice("split-file", others.map(({ id, name }) => [id, name]));
  const parts = {
    share: h("div", { class: "ts-fields" }, field(t("prepare.share"), share, t("prepare.share_help")), field(t("prepare.seed"), seed, t("prepare.seed_help"))),
    column: h("div", { class: "ts-fields" }, field(t("prepare.column"), column), field(t("prepare.values"), values, t("prepare.values_help"))),
    file: h("div", { class: "ts-fields" }, field(t("prepare.file"), file, t("prepare.file_help"))),
  };
  const place = h("div", {}, parts.share);
  const ways = [["share", t("prepare.by_share")]];
  const mapping = dataset.mapping ?? dataset.report?.mapping;
  if (mapping && hasColumns(dataset) && dataset.report?.columns?.length) ways.push(["column", t("prepare.by_column")]);
  if (others.length) ways.push(["file", t("prepare.by_file")]);
  const way = choice("split-by", ways, "share", (chosen) => fill(place, parts[chosen]));
  const operations = {
    share: () => ({ kind: "split", by: "share", share: shareOf(share, t("prepare.share")), seed: whole(seed) ?? 1 }),
    column: () => ({ kind: "reread", mapping: { ...mapping, split: column.value, held_out: values.value.split(",").map((value) => value.trim()).filter(Boolean) } }),
    file: () => ({ kind: "split", by: "file", other_id: file.value }),
  };
  const fields = [h("div", { class: "ts-fields" }, field(t("prepare.by"), way)), place];
  return form("split", t("prepare.split"), t("prepare.split_help"), fields, () => make(operations[way.value]()));
}

function filterForm(dataset, make) {
  const where = choice("filter-where", [["anywhere", t("prepare.anywhere")], ["question", t("role.user")], ["answer", t("role.assistant")], ["system", t("role.system")]]);
  const contains = h("input", { type: "text", id: "filter-contains", maxlength: "500" });
  const lacks = h("input", { type: "text", id: "filter-lacks", maxlength: "500" });
  const least = numeric("filter-answer_at_least", "", { min: "1" });
  const most = numeric("filter-answer_at_most", "", { min: "1" });
  const split = choice("filter-split", [["", t("prepare.both")], ["train", t("prepare.train_only")], ["test", t("prepare.exam_only")]]);
  const given = () => ({ contains: contains.value || null, lacks: lacks.value || null, answer_at_least: whole(least), answer_at_most: whole(most), split: split.value || null });
  const fields = h("div", { class: "ts-fields" }, field(t("prepare.where"), where), field(t("prepare.contains"), contains), field(t("prepare.lacks"), lacks),
    field(t("prepare.least"), least, t("prepare.characters")), field(t("prepare.most"), most, t("prepare.characters")), dataset.rows_held_out ? field(t("prepare.side"), split) : null);
  const action = () => {
    const conditions = Object.fromEntries(Object.entries(given()).filter(([, value]) => value !== null));
    if (!Object.keys(conditions).length) throw new Error(t("prepare.no_condition"));
    return make({ kind: "filter", where: where.value, ...conditions });
  };
  return form("filter", t("prepare.filter"), t("prepare.filter_help"), fields, action);
}

function sampleForm(dataset, make) {
  const rows = numeric("sample-rows", Math.min(100, dataset.rows_good), { min: "1", max: String(dataset.rows_good) });
  const seed = numeric("sample-seed", 1, { min: "0" });
  const fields = h("div", { class: "ts-fields" }, field(t("prepare.rows"), rows, t("prepare.rows_help", { n: count(dataset.rows_good) })), field(t("prepare.seed"), seed, t("prepare.seed_help")));
  return form("sample", t("prepare.sample"), t("prepare.sample_help"), fields, () => make({ kind: "sample", rows: whole(rows) ?? 0, seed: whole(seed) ?? 1 }));
}

function mixForm(dataset, others, page) {
  if (!others.length) return null;
  const like = others.filter(({ target }) => !target || target === dataset.target);
  const parts = [{ id: dataset.id, name: dataset.name, rows_good: dataset.rows_good }, ...like].map((one, index) => ({
    ...one, weight: numeric(`mix-${index}`, index ? 0 : 1, { min: "0", max: "1000", step: "0.1" }),
  }));
  const fields = h("div", { class: "ts-fields" }, parts.map(({ name, rows_good: rows, weight }) => field(t("prepare.weight_of", { name, n: count(rows) }), weight)));
  const action = () => {
    const chosen = parts.map(({ id, weight }) => ({ dataset_id: id, weight: Number(weight.value) })).filter(({ weight }) => weight > 0);
    if (chosen.length < 2) throw new Error(t("prepare.mix_two"));
    return page.make({ kind: "mix", parts: chosen });
  };
  return form("mix", t("prepare.mix"), t("prepare.mix_help"), fields, action);
}

function answersForm(dataset, voices, make) {
  const { fields, operation } = answersFields(dataset, voices);
  return form("answers", t("prepare.answers"), t("prepare.answers_help"), fields, operation ? () => make(operation()) : null);
}

function cleanForm(make) {
  const settings = { exact: true, near: true, empty_answers: true, refusals: false };
  const set = (name) => (on) => { settings[name] = on; };
  const threshold = numeric("clean-threshold", 80, { min: "50", max: "100" });
  const fields = [
    h("div", { class: "ts-ticks" }, tick("clean-exact", t("prepare.exact"), true, set("exact")), tick("clean-near", t("prepare.near"), true, set("near")),
      tick("clean-empty", t("prepare.empty"), true, set("empty_answers")), tick("clean-refusals", t("prepare.refusals"), false, set("refusals"))),
    h("div", { class: "ts-fields" }, field(t("prepare.threshold"), threshold, t("prepare.threshold_help")))];
  return form("clean", t("prepare.clean"), t("prepare.clean_help"), fields, () => make({ kind: "clean", ...settings, threshold: shareOf(threshold, t("prepare.threshold")) }));
}

function redactForm(dataset, make) {
  const chosen = new Set(KINDS);
  const set = (kind) => (on) => { chosen[on ? "add" : "delete"](kind); };
  const fields = h("div", { class: "ts-ticks" }, KINDS.map((kind) => tick(`kind-${kind}`, personal(kind), true, set(kind))));
  const action = () => {
    if (!chosen.size) throw new Error(t("prepare.no_kind"));
    return make({ kind: "redact", kinds: [...chosen] });
  };
  return form("redact", t("prepare.redact"), t("prepare.redact_help"), fields, action);
}
