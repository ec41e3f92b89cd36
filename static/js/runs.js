// The queue and the history of runs: what trains now, what waits in which order, what has ended.

import { get, poll, post, remove } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { count, duration, moment } from "./format.js";
import { button, chip, empty, link, notice, progress } from "./parts.js";
import { Ended } from "./runs_ended.js";
import { Queue } from "./runs_queue.js";
import { drawSweeps } from "./runs_sweeps.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

const ACTIVE = "/api/v1/runs/lines?status=starting&status=running&limit=500";

export function draw(root) {
  const [now, sweeps] = [h("div", {}), h("div", {})];
  const look = async () => {
    const [begun, all, over] = await Promise.all([get(ACTIVE), get("/api/v1/queue"), ended.read()]);
    const active = without(ended.runs, begun);
    const queue = inLine(all, [...ended.runs, ...active]);
    if (!active.length && !queue.waiting.length && !over && !ended.words && !queue.pause) return fillWhenChanged(root, "nothing", nothing);
    fillWhenChanged(root, "lists", () => [line.banner, now, line.element, sweeps, ended.element]);
    fillWhenChanged(now, active, () => section(t("runs.now"), active.map((run) => card(run, look)), t("runs.now_none")));
    line.draw(queue, active);
    ended.draw();
    await drawSweeps(sweeps);
  };
  const line = new Queue(look, (run) => erase(run, look));
  const ended = new Ended((run, box) => card(run, look, box));
  poll(look, 2);
}

// The lists are read one beside the other: a run that moves on meanwhile is in two of them, and is shown where it is now.
function without(others, runs) {
  const elsewhere = new Set(others.map(({ id }) => id));
  return runs.filter(({ id }) => !elsewhere.has(id));
}

function inLine(queue, others) {
  const ids = new Set(without(others, queue.waiting.map(({ run }) => run)).map(({ id }) => id));
  const waiting = queue.waiting.filter(({ run }) => ids.has(run.id));
  return { ...queue, waiting, total: queue.total - queue.waiting.length + waiting.length };
}

function nothing() {
  return empty(t("runs.empty.title"), t("runs.empty.words"), button(t("sample.try"), startSample, { kind: "primary" }), link(t("runs.new"), "/train"));
}

function section(title, cards, none) {
  return h("section", {}, h("h2", {}, title), cards.length ? cards : h("p", { class: "ts-soft" }, none));
}

async function erase(run, look) {
  const path = `/api/v1/runs/${run.id}`;
  await remove(path);
  await look();
  notice(t("deleted", { name: run.name }), { undo: async () => { await post(`${path}/restore`); await look(); } });
}

function card(run, look, box = null) {
  const path = `/api/v1/runs/${run.id}`;
  const live = ["starting", "running"].includes(run.status);
  const act = (action) => async () => { await post(`${path}/${action}`); await look(); };
  const anew = async () => { const made = await post(`${path}/again`); await look(); notice(t("queue.anew_done", { name: made.name }), { look: [t("runs.open"), `/run?run=${made.id}`] }); };
  return h("article", { class: "ts-card" },
    h("div", { class: "ts-row ts-between" }, h("div", { class: "ts-row" }, box, h("h3", {}, h("a", { href: `/run?run=${run.id}`, "data-key": run.id }, run.name))), chip(run.status)),
    live ? progress(run.total_steps ? run.step / run.total_steps : run.progress, run.stage) : null,
    h("p", { class: "ts-soft" }, [run.total_steps ? t("runs.steps", { step: count(run.step), total: count(run.total_steps), time: duration(run.seconds) }) : null, moment(run.created_at)].filter(Boolean).join(" · ")),
    run.error ? h("p", { class: "ts-error" }, run.error) : null,
    h("div", { class: "ts-actions" },
      link(t("runs.open"), `/run?run=${run.id}`, live ? "primary" : "plain"),
      run.adapter_id && run.status !== "discarded" ? link(t("run.compare"), `/playground?with=adapter:${run.adapter_id}`) : null,
      live ? button(t("run.stop"), act("stop"), { key: `stop-${run.id}`, disabled: Boolean(run.stop_request) }) : null,
      run.can_resume ? button(t("run.resume"), act("resume"), { key: `resume-${run.id}` }) : null,
      live ? null : button(t("queue.anew"), anew, { key: `anew-${run.id}` }),
      live ? null : button(t("delete"), () => erase(run, look), { kind: "link", key: `delete-${run.id}` })));
}
