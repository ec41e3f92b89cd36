// The data page: take data in, and every dataset with what was found in it; one opened, or a table to write in, by its address.

import { get, parameter, poll, post, remove } from "./api.js";
import { drawOne } from "./data_one.js";
import { Uploads } from "./data_upload.js";
import { shape, title } from "./data_words.js";
import { drawWriting } from "./data_write.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { bytes, count, moment } from "./format.js";
import { button, chip, empty, link, notice, problem, progress } from "./parts.js";
import { t } from "./words.js";

export function draw(root) {
  const opened = parameter("dataset");
  if (opened) return drawOne(root, opened);
  if (parameter("write")) return drawWriting(root);
  const list = h("div", {});
  const look = async () => {
    const datasets = await get("/api/v1/datasets");
    fillWhenChanged(list, datasets, () => (datasets.length ? datasets.map((dataset) => card(dataset, look)) : nothing(look)));
  };
  fill(root, new Uploads(look).draw(), list);
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
    dataset.operation ? h("p", { class: "ts-version" }, "⤷ ", title(dataset.operation)) : null,
    dataset.status === "unsure" ? h("p", {}, t("data.unsure")) : null,
    dataset.status === "ready" ? h("p", { class: "ts-soft" }, t("data.line", { good: count(dataset.rows_good), refused: count(dataset.rows_refused), shape: shape(dataset.shape), size: bytes(dataset.bytes), when: moment(dataset.created_at) })) : null,
    h("div", { class: "ts-actions" },
      dataset.status === "ready" ? link(t("data.train"), `/train?dataset=${dataset.id}`, "primary") : null,
      dataset.status === "ready" ? link(t("data.look"), `/data?dataset=${dataset.id}`) : null,
      dataset.status === "unsure" ? link(t("data.answer"), `/data?dataset=${dataset.id}`, "primary") : null,
      dataset.status === "failed" ? button(t("retry"), async () => { await post(`${path}/retry`); await look(); }, { key: `retry-${dataset.id}` }) : null,
      button(t("delete"), erase, { kind: "link", key: `delete-${dataset.id}` })));
}
