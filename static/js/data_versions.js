// Versions: where this dataset comes from, what was made of it, and what differs between any two.

import { get } from "./api.js";
import { bubbles, example } from "./data_bubbles.js";
import { lineage } from "./data_lineage.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, choice, fact, field } from "./parts.js";
import { t } from "./words.js";

export async function drawVersions(place, dataset, page) {
  const path = `/api/v1/datasets/${dataset.id}`;
  const [found, all] = await Promise.all([get(`${path}/lineage`), get("/api/v1/datasets")]);
  const related = new Set(found.nodes.map(({ id }) => id));
  const ready = all.filter(({ id, status }) => status === "ready" && id !== dataset.id);
  const others = [...ready.filter(({ id }) => related.has(id)), ...ready.filter(({ id }) => !related.has(id))];
  const alone = found.nodes.length < 2;
  fill(place,
    h("section", { class: "ts-card" }, h("h2", {}, t("versions.lineage")), h("p", { class: "ts-soft" }, t("versions.words")), lineage(found, dataset.id),
      alone ? h("div", { class: "ts-actions" }, page.link(t("versions.make"), "prepare", {}, "plain")) : null),
    others.length ? comparison(dataset, others) : null);
}

function comparison(dataset, others) {
  const shown = h("div", { "aria-live": "polite" });
  const first = others.find(({ id }) => dataset.parents?.includes(id)) ?? others[0];
  const other = choice("compare-with", others.map(({ id, name }) => [id, name]), first.id);
  const compare = async () => fill(shown, differences(await get(`/api/v1/datasets/${other.value}/compare/${dataset.id}`), others.find(({ id }) => id === other.value).name));
  return h("section", { class: "ts-card" }, h("h2", {}, t("versions.compare")), field(t("versions.with"), other), h("div", { class: "ts-actions" }, button(t("versions.compare_now"), compare)), shown);
}

// Counted on the way from the other one to this one.
function differences(found, name) {
  const { examples } = found;
  return [
    h("p", {}, t("versions.against", { name })),
    h("div", { class: "ts-facts" }, fact(t("versions.added"), `+ ${count(found.added)}`), fact(t("versions.removed"), `− ${count(found.removed)}`), fact(t("versions.changed"), `± ${count(found.changed)}`), fact(t("versions.same"), `= ${count(found.same)}`)),
    list(`+ ${t("versions.added")}`, examples.added), list(`− ${t("versions.removed")}`, examples.removed), changes(examples.changed),
  ];
}

function list(title, rows) {
  return rows?.length ? h("details", {}, h("summary", {}, title), rows.map((row) => example(row, row.line ? t("data.line_number", { n: count(row.line) }) : null))) : null;
}

function changes(pairs) {
  if (!pairs?.length) return null;
  const side = (words, row) => h("div", { class: "ts-side" }, h("p", { class: "ts-verdict" }, words), bubbles(row));
  return h("details", {}, h("summary", {}, `± ${t("versions.changed")}`),
    pairs.map(([before, after]) => h("article", { class: "ts-conversation" }, h("div", { class: "ts-sides" }, side(t("versions.before"), before), side(t("versions.after"), after)))));
}
