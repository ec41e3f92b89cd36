// The queue and the history of runs: what trains now, what waits in which order, what has ended.

import { get, poll, post, remove } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { count, duration, moment } from "./format.js";
import { button, chip, empty, link, notice, progress } from "./parts.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

export function draw(root) {
  const look = async () => {
    const runs = await get("/api/v1/runs");
    fillWhenChanged(root, runs, () => page(runs, look));
  };
  poll(look, 2);
}

function page(runs, look) {
  if (!runs.length) return empty(t("runs.empty.title"), t("runs.empty.words"), button(t("sample.try"), startSample, { kind: "primary" }), link(t("runs.new"), "/train"));
  const waiting = runs.filter((run) => run.status === "queued").sort((a, b) => (a.queued_at + a.id < b.queued_at + b.id ? -1 : 1));
  const active = runs.filter((run) => ["starting", "running"].includes(run.status));
  const ended = runs.filter((run) => !waiting.includes(run) && !active.includes(run));
  return [
    section(t("runs.now"), active.map((run) => card(run, look)), t("runs.now_none")),
    section(t("runs.waiting"), waiting.map((run, index) => card(run, look, t("runs.place", { n: index + 1 }))), t("runs.waiting_none")),
    section(t("runs.ended"), ended.map((run) => card(run, look)), t("runs.ended_none")),
  ];
}

function section(title, cards, none) {
  return h("section", {}, h("h2", {}, title), cards.length ? cards : h("p", { class: "ts-soft" }, none));
}

function card(run, look, place = null) {
  const path = `/api/v1/runs/${run.id}`;
  const live = ["starting", "running"].includes(run.status);
  const act = (action) => async () => { await post(`${path}/${action}`); await look(); };
  const erase = async () => {
    await remove(path);
    await look();
    notice(t("deleted", { name: run.name }), { undo: async () => { await post(`${path}/restore`); await look(); } });
  };
  return h("article", { class: "ts-card" },
    h("div", { class: "ts-row ts-between" }, h("h3", {}, h("a", { href: `/run?run=${run.id}`, "data-key": run.id }, run.name)), chip(run.status)),
    live ? progress(run.total_steps ? run.step / run.total_steps : run.progress, run.stage) : null,
    h("p", { class: "ts-soft" }, [place, run.total_steps ? t("runs.steps", { step: count(run.step), total: count(run.total_steps), time: duration(run.seconds) }) : null, moment(run.created_at)].filter(Boolean).join(" · ")),
    run.error ? h("p", { class: "ts-error" }, run.error) : null,
    h("div", { class: "ts-actions" },
      link(t("runs.open"), `/run?run=${run.id}`, live ? "primary" : "plain"),
      run.adapter_id && run.status !== "discarded" ? link(t("run.compare"), `/playground?with=adapter:${run.adapter_id}`) : null,
      live || run.status === "queued" ? button(t(run.status === "queued" ? "runs.unqueue" : "run.stop"), act("stop"), { key: `stop-${run.id}`, disabled: Boolean(run.stop_request) }) : null,
      run.can_resume ? button(t("run.resume"), act("resume"), { key: `resume-${run.id}` }) : null,
      live ? null : button(t("delete"), erase, { kind: "link", key: `delete-${run.id}` })));
}
