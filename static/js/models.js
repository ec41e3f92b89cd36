// The models page: every base model, how far its download or building is, and what is known of it.

import { get, poll, post, remove } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { bytes, count, parameters } from "./format.js";
import { button, chip, empty, fact, link, notice, problem, progress } from "./parts.js";
import { t } from "./words.js";

export function draw(root) {
  const look = async () => {
    const models = await get("/api/v1/models");
    fillWhenChanged(root, models, () => (models.length ? models.map((model) => card(model, look)) : nothing(look)));
  };
  poll(look, 1.5);
}

function nothing(look) {
  return empty(t("models.empty.title"), t("models.empty.words"), button(t("models.starter"), async () => { await post("/api/v1/models", { source: "starter" }); await look(); }, { kind: "primary" }));
}

function card(model, look) {
  const path = `/api/v1/models/${model.id}`;
  const erase = async () => {
    await remove(path);
    await look();
    notice(t("deleted", { name: model.name }), { undo: async () => { await post(`${path}/restore`); await look(); } });
  };
  return h("article", { class: "ts-card" },
    h("div", { class: "ts-row ts-between" }, h("h3", {}, model.name), chip(model.status)),
    ["waiting", "working"].includes(model.status) ? progress(model.progress, model.stage || t("models.soon")) : null,
    model.error ? problem(model.error, model.hint) : null,
    model.facts ? facts(model.facts) : null,
    model.support ? support(model.support) : null,
    h("div", { class: "ts-actions" },
      model.status === "ready" && model.support?.degree !== "no" ? link(t("models.train"), `/train?model=${model.id}`, "primary") : null,
      model.status === "ready" && model.support?.can_chat !== false ? link(t("models.chat"), `/playground?with=base:${model.id}`) : null,
      model.status === "failed" ? button(t("retry"), async () => { await post(`${path}/retry`); await look(); }, { key: `retry-${model.id}` }) : null,
      button(t("delete"), erase, { kind: "link", key: `delete-${model.id}` })));
}

// Whether it can be trained here, with the reasons.
function support({ degree, reasons }) {
  return h("div", { class: "ts-support" }, h("p", {}, h("strong", {}, t(`support.${degree}`)), " ", reasons.join(" ")));
}

function facts(known) {
  return h("div", { class: "ts-facts" },
    fact(t("models.architecture"), known.architecture),
    fact(t("models.parameters"), parameters(known.parameters)),
    fact(t("models.size"), bytes(known.weight_bytes)),
    fact(t("models.layers"), `${count(known.layers)} × ${count(known.hidden_size)}`),
    fact(t("models.heads"), count(known.heads)),
    fact(t("models.context"), t("models.tokens", { n: count(known.context_length) })),
    fact(t("models.vocabulary"), t("models.tokens", { n: count(known.vocabulary_size) })),
    fact(t("models.template"), t(known.has_chat_template ? "yes" : "no")),
    fact(t("models.licence"), known.licence ?? t("models.unknown")));
}
