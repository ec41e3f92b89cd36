// The home page's live part: what is being prepared or trained right now, and where to go next.

import { get, poll } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { button, chip, link, progress } from "./parts.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

export function draw(root) {
  poll(async () => {
    const [runs, models, datasets] = await Promise.all([get("/api/v1/runs"), get("/api/v1/models"), get("/api/v1/datasets")]);
    const shown = { runs: runs.filter((run) => run.status !== "discarded").slice(0, 4), busy: [...models, ...datasets].filter((item) => ["waiting", "working"].includes(item.status)) };
    fillWhenChanged(root, shown, () => page(shown));
  }, 1.5);
}

function page({ runs, busy }) {
  return [doors(), busy.length ? section(t("home.preparing"), busy.map(prepared)) : null, runs.length ? section(t("home.runs"), runs.map(trained)) : null];
}

function doors() {
  const door = (key, action) => h("article", { class: "ts-card ts-door" }, h("h2", {}, t(`home.${key}.title`)), h("p", {}, t(`home.${key}.words`)), action);
  return h("div", { class: "ts-doors" },
    door("sample", button(t("sample.try"), startSample, { kind: "primary" })),
    door("data", link(t("home.data.action"), "/data", "primary")),
    door("chat", link(t("home.chat.action"), "/playground", "primary")));
}

function section(title, cards) {
  return h("section", {}, h("h2", {}, title), cards);
}

function prepared(item) {
  return h("article", { class: "ts-card" }, h("div", { class: "ts-row ts-between" }, h("h3", {}, item.name), chip(item.status)), progress(item.progress, item.stage || t("home.soon")));
}

function trained(run) {
  const live = ["starting", "running"].includes(run.status);
  return h("article", { class: "ts-card" },
    h("div", { class: "ts-row ts-between" }, h("h3", {}, run.name), chip(run.status)),
    live ? progress(run.total_steps ? run.step / run.total_steps : run.progress, run.stage) : h("p", { class: "ts-soft" }, t(`run.says.${run.status}`)),
    h("div", { class: "ts-actions" }, link(live ? t("home.watch") : t("runs.open"), `/run?run=${run.id}`, live ? "primary" : "plain"),
      run.adapter_id && run.status !== "discarded" ? link(t("run.compare"), `/playground?with=adapter:${run.adapter_id}`, "primary") : null));
}
