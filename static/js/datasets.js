// The data page: every dataset with what was found in it; one opened with its rows as chat bubbles and its faults.

import { get, parameter, poll, post, remove } from "./api.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { bytes, count, moment } from "./format.js";
import { button, chip, empty, fact, link, notice, problem, progress } from "./parts.js";
import { t } from "./words.js";

const ROWS_A_PAGE = 10;

export function draw(root) {
  const opened = parameter("dataset");
  if (opened) return one(root, opened);
  const look = async () => {
    const datasets = await get("/api/v1/datasets");
    fillWhenChanged(root, datasets, () => (datasets.length ? datasets.map((dataset) => card(dataset, look)) : nothing(look)));
  };
  poll(look, 1.5);
}

function nothing(look) {
  return empty(t("data.empty.title"), t("data.empty.words"), samples(look));
}

function samples(look) {
  return button(t("data.samples"), async () => { await post("/api/v1/datasets/samples"); await look(); }, { kind: "primary" });
}

function card(dataset, look) {
  const path = `/api/v1/datasets/${dataset.id}`;
  const erase = async () => {
    await remove(path);
    await look();
    notice(t("deleted", { name: dataset.name }), { undo: async () => { await post(`${path}/restore`); await look(); } });
  };
  return h("article", { class: "ts-card" },
    h("div", { class: "ts-row ts-between" }, h("h3", {}, h("a", { href: `/data?dataset=${dataset.id}`, "data-key": dataset.id }, dataset.name)), chip(dataset.status)),
    ["waiting", "working"].includes(dataset.status) ? progress(dataset.progress, dataset.stage || t("data.soon")) : null,
    dataset.error ? problem(dataset.error, dataset.hint) : null,
    dataset.status === "ready" ? h("p", { class: "ts-soft" }, t("data.line", { good: count(dataset.rows_good), refused: count(dataset.rows_refused), shape: t(`shape.${dataset.shape}`), size: bytes(dataset.bytes), when: moment(dataset.created_at) })) : null,
    h("div", { class: "ts-actions" },
      dataset.status === "ready" ? link(t("data.train"), `/train?dataset=${dataset.id}`, "primary") : null,
      dataset.status === "ready" ? link(t("data.look"), `/data?dataset=${dataset.id}`) : null,
      dataset.status === "failed" ? button(t("retry"), async () => { await post(`${path}/retry`); await look(); }, { key: `retry-${dataset.id}` }) : null,
      button(t("delete"), erase, { kind: "link", key: `delete-${dataset.id}` })));
}

function one(root, id) {
  const summary = h("section", { class: "ts-card" });
  const faults = h("section", { class: "ts-card", hidden: true });
  const rows = h("section", { class: "ts-card", hidden: true });
  fill(root, h("p", {}, h("a", { href: "/data" }, t("data.back"))), summary, faults, rows);
  let shown = false;
  poll(async () => {
    if (shown) return;
    const dataset = await get(`/api/v1/datasets/${id}`).catch((error) => { fill(root, empty(t("data.gone"), error.message, link(t("nav.data"), "/data", "primary"))); shown = true; throw error; });
    fillWhenChanged(summary, dataset, () => found(dataset));
    if (["waiting", "working"].includes(dataset.status)) return;
    shown = true;
    drawFaults(faults, dataset);
    if (dataset.rows_good) await drawRows(rows, dataset, 0);
  }, 1);
}

function found(dataset) {
  return [
    h("div", { class: "ts-row ts-between" }, h("h2", {}, dataset.name), chip(dataset.status)),
    dataset.error ? problem(dataset.error, dataset.hint) : null,
    ["waiting", "working"].includes(dataset.status) ? progress(dataset.progress, dataset.stage || t("data.soon")) : null,
    dataset.status === "ready" ? h("div", { class: "ts-facts" },
      fact(t("data.good"), count(dataset.rows_good)), fact(t("data.refused"), count(dataset.rows_refused)),
      fact(t("data.shape"), t(`shape.${dataset.shape}`)), fact(t("data.size"), bytes(dataset.bytes)),
      fact(t("data.hash"), dataset.sha256.slice(0, 12), dataset.sha256)) : null,
    (dataset.warnings ?? []).map((warning) => h("p", { class: "ts-warning" }, warning)),
    dataset.status === "ready" ? h("div", { class: "ts-actions" }, link(t("data.train"), `/train?dataset=${dataset.id}`, "primary")) : null,
  ];
}

function drawFaults(place, dataset) {
  if (dataset.status !== "ready" || !dataset.faults.length) return;
  place.hidden = false;
  const rows = dataset.faults.slice(0, 200).map((fault) => h("tr", {}, h("td", {}, count(fault.line)), h("td", {}, count(fault.column)), h("td", {}, fault.reason, fault.hint ? h("div", { class: "ts-soft" }, fault.hint) : null)));
  const names = ["data.fault.line", "data.fault.column", "data.fault.reason"];
  fill(place, h("h2", {}, t("data.faults", { n: count(dataset.rows_refused) })), h("p", { class: "ts-soft" }, t("data.faults_words")),
    h("div", { class: "ts-scroll", tabindex: "0" }, h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, t(name))))), h("tbody", {}, rows))));
}

async function drawRows(place, dataset, start) {
  const rows = await get(`/api/v1/datasets/${dataset.id}/rows?start=${start}&count=${ROWS_A_PAGE}`);
  place.hidden = false;
  const turn = (to) => () => drawRows(place, dataset, to);
  const last = Math.min(start + ROWS_A_PAGE, dataset.rows_good);
  fill(place, h("h2", {}, t("data.rows")), rows.map(conversation),
    h("div", { class: "ts-actions" },
      button(t("data.before"), turn(Math.max(0, start - ROWS_A_PAGE)), { disabled: start === 0 }),
      h("span", { class: "ts-soft" }, t("data.range", { from: count(start + 1), to: count(last), all: count(dataset.rows_good) })),
      button(t("data.after"), turn(start + ROWS_A_PAGE), { disabled: last >= dataset.rows_good })));
}

function conversation(row) {
  const turns = row.messages ?? [{ role: "text", content: row.text }];
  return h("article", { class: "ts-conversation" }, h("span", { class: "ts-soft ts-small" }, t("data.line_number", { n: count(row.line) })),
    turns.map((message) => h("div", { class: `ts-bubble ts-${message.role}` }, h("span", { class: "ts-role" }, t(`role.${message.role}`)), h("p", { dir: "auto" }, message.content))));
}
