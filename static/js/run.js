// The page of one run: where it stands, its curves live from the database, its log, and what can be done with it.

import { get, parameter, poll, post } from "./api.js";
import { drawChart } from "./chart.js";
import { Curves } from "./curves.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { bytes, count, duration, moment, number } from "./format.js";
import { button, chip, empty, fact, link, notice, problem, progress } from "./parts.js";
import { columns, MoreCurves } from "./run_curves.js";
import { Diagnosis } from "./run_diagnosis.js";
import { Probes } from "./run_probes.js";
import { Machine } from "./run_telemetry.js";
import { canExtend, extendButton } from "./run_extend.js";
import { Happenings, Saved } from "./run_saved.js";
import { roomTable, told } from "./run_told.js";
import { whereInLine } from "./runs_queue.js";
import { drawFirstBatch } from "./tokens.js";
import { t } from "./words.js";

const ACTIVE = ["queued", "starting", "running"];

export async function draw(root) {
  const id = parameter("run");
  if (!id) return fill(root, empty(t("run.none.title"), t("run.none.words"), link(t("nav.runs"), "/runs", "primary")));
  const page = new RunPage(root, id);
  await page.start();
}

class RunPage {
  constructor(root, id) {
    this.root = root;
    this.id = id;
    this.curves = new Curves(id);
    this.view = { smoothing: 0, log: false };
    this.logOffset = null;
    this.run = null;
    this.asked = false;
  }

  async start() {
    try {
      this.run = await get(`/api/v1/runs/${this.id}`);
    } catch (error) {
      return fill(this.root, empty(t("run.gone.title"), `${error.message} ${error.hint}`, link(t("nav.runs"), "/runs", "primary")));
    }
    this.#lay();
    poll(() => this.#look(), 1);
    poll(() => this.#readLog(), 2);
    poll(() => this.machine.look(ACTIVE.includes(this.run.status)), 5);
  }

  #lay() {
    this.parts = Object.fromEntries(["title", "progress", "facts", "actions", "foot"].map((name) => [name, h("div", { class: `ts-part-${name}` })]));
    this.parts.facts.className = "ts-facts";
    this.parts.actions.className = "ts-actions";
    this.parts.foot.className = "ts-soft ts-small";
    const head = h("section", { class: "ts-card" }, Object.values(this.parts));
    this.summary = h("p", { class: "ts-soft", "aria-live": "polite", id: "curve-summary" });
    this.loss = h("div", { class: "ts-chart ts-chart-large", role: "img", "aria-describedby": "curve-summary" });
    this.small = ["learning_rate", "grad_norm", "tokens_per_second"].map((name) => ({ name, place: h("div", { class: "ts-chart", role: "img", "aria-label": t(`curve.${name}`) }) }));
    this.more = new MoreCurves(this.id);
    this.diagnosis = new Diagnosis(this.id);
    this.probes = new Probes(this.run);
    this.machine = new Machine(this.id);
    this.saved = new Saved(this.id);
    this.happenings = new Happenings(this.id);
    this.table = h("div", { class: "ts-scroll" });
    this.told = h("section", { class: "ts-card", hidden: true });
    this.room = h("div", {});
    this.roomCard = h("details", { class: "ts-card", hidden: true }, h("summary", {}, t("room.title")), this.room);
    this.log = h("pre", { class: "ts-log", tabindex: "0", "aria-label": t("run.log") });
    this.settings = h("div", {});
    this.batch = h("div", {});
    this.batchCard = h("details", { class: "ts-card", hidden: true }, h("summary", {}, t("batch.title")), this.batch);
    fill(this.root, head,
      h("section", { class: "ts-card" }, h("h2", {}, t("run.curves")), this.#controls(), this.summary,
        h("h3", {}, t(`loss.${this.run.spec.method}`)), this.loss, this.diagnosis.element, this.more.element,
        h("div", { class: "ts-charts" }, this.small.map(({ name, place }) => h("div", {}, h("h3", {}, t(`curve.${name}`)), place))),
        h("details", {}, h("summary", {}, t("run.table")), this.table)),
      this.probes.element,
      this.happenings.element,
      this.saved.element,
      this.told,
      this.machine.element,
      this.roomCard,
      this.batchCard,
      h("details", { class: "ts-card" }, h("summary", {}, t("run.settings")), this.settings),
      h("details", { class: "ts-card" }, h("summary", {}, t("run.log")), this.log));
    new MutationObserver(() => this.#drawCurves()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  #controls() {
    const smoothing = h("input", { type: "range", min: "0", max: "0.95", step: "0.05", value: "0", id: "smoothing" });
    smoothing.addEventListener("input", () => { this.view.smoothing = Number(smoothing.value); this.#drawCurves(); });
    const log = h("input", { type: "checkbox", id: "log-axis" });
    log.addEventListener("change", () => { this.view.log = log.checked; this.#drawCurves(); });
    return h("div", { class: "ts-controls" }, h("label", { for: "smoothing" }, t("run.smoothing"), smoothing), h("label", { for: "log-axis" }, log, t("run.log_axis")));
  }

  async #look() {
    const before = this.run?.status;
    const wasActive = ACTIVE.includes(before);
    const changed = (wasActive || this.curves.cursor === null) && (await this.curves.update());
    this.run = await get(`/api/v1/runs/${this.id}`);
    this.inLine = this.run.status === "queued" ? whereInLine(await get("/api/v1/queue"), this.id) : "";
    this.#drawHead();
    await Promise.all([this.saved.look(this.run), this.happenings.look(this.run)]);
    fillWhenChanged(this.settings, [this.run.spec, this.run.facts], () => this.#drawSettings());
    if (this.run.facts) {
      fillWhenChanged(this.told, [this.run.spec, this.run.facts], () => [h("h2", {}, t("told.title")), told(this.run)]);
      this.told.hidden = false;
    }
    if (wasActive && !ACTIVE.includes(this.run.status)) await this.#ended();
    if (changed) this.#drawCurves();
    if (wasActive || changed) await this.probes.look(this.run);
    if (changed) await this.diagnosis.look(!ACTIVE.includes(this.run.status));
    if (changed && this.batchCard.hidden && this.curves.points("loss").length) await this.#readFirstBatch();
    if (changed && this.run.spec.adapter === "adalora") await this.#readRoom();
  }

  // Of a run whose add-on finds its own size.
  async #readRoom() {
    const room = await get(`/api/v1/runs/${this.id}/ranks`);
    if (!room.steps?.length) return;
    fillWhenChanged(this.room, room.steps.at(-1), () => roomTable(room));
    this.roomCard.hidden = false;
  }

  // There once the trainer has fetched it; runs of earlier releases have none.
  async #readFirstBatch() {
    const batch = await get(`/api/v1/runs/${this.id}/first-batch`).catch((error) => { if (error.status !== 404) throw error; return null; });
    if (!batch) return;
    fill(this.batch, drawFirstBatch(batch));
    this.batchCard.hidden = false;
  }

  async #ended() {
    await this.curves.update();
    this.#drawCurves();
    await this.diagnosis.look(true);
    const words = t(`run.ended.${this.run.status}`, { name: this.run.name });
    notice(words);
    if (window.Notification?.permission === "granted") new Notification(words);
  }

  // Each part is redrawn only when what it shows has changed, so that a button never moves under a click.
  #drawHead() {
    const run = this.run;
    const early = run.status === "finished" && run.step < run.total_steps;
    const share = run.status === "finished" ? 1 : run.total_steps ? run.step / run.total_steps : run.progress;
    const parts = this.parts;
    fillWhenChanged(parts.title, [run.name, run.status, run.error, run.stop_request, this.inLine], () => [
      h("div", { class: "ts-row ts-between" }, h("h1", { class: "ts-title" }, run.name), chip(run.status)),
      run.error ? problem(run.error, run.hint) : null,
      h("p", { class: "ts-lead" }, this.#says(), " ", this.inLine),
      run.sweep_id ? h("p", {}, h("a", { href: `/sweep?sweep=${run.sweep_id}` }, t("run.trial", { n: run.trial }))) : null,
    ]);
    fillWhenChanged(parts.progress, [run.step, run.total_steps, run.stage, run.status, run.progress], () =>
      ACTIVE.includes(run.status) || run.total_steps ? [progress(share, early ? t("run.early") : run.stage || t(`status.${run.status}`))] : []);
    fillWhenChanged(parts.facts, run, () => this.#facts());
    fillWhenChanged(parts.actions, [run.status, run.stop_request, run.adapter_id, run.can_resume, this.asked], () => this.#actions());
    fillWhenChanged(parts.foot, run.id, () => t("run.dates", { created: moment(run.created_at), id: run.id }));
  }

  #says() {
    const { run } = this;
    if (run.stop_request) return t("run.says.stopping");
    return run.status === "finished" && run.spec.method === "reward" ? t("run.says.judges") : t(`run.says.${run.status}`);
  }

  #facts() {
    const run = this.run;
    return [
      fact(t("run.step"), `${count(run.step)} / ${run.total_steps ? count(run.total_steps) : "–"}`),
      fact(t("run.elapsed"), duration(run.seconds)),
      fact(t("run.left"), run.status === "running" ? duration(run.seconds_left) : "–"),
      fact(t("run.speed"), run.tokens_per_second ? t("run.tokens_a_second", { n: count(Math.round(run.tokens_per_second)) }) : "–"),
      fact(t("run.memory"), bytes(run.memory_bytes)),
      fact(t("run.best"), run.best_step ? t("run.at_step", { n: count(run.best_step) }) : "–"),
    ];
  }

  #actions() {
    const run = this.run;
    const path = `/api/v1/runs/${run.id}`;
    const act = (action) => async () => { await post(`${path}/${action}`); this.asked = false; this.run = await get(path); this.#drawHead(); };
    const copy = [link(t("run.duplicate"), `/train?copy=${run.id}`), link(t("compare.with"), `/compare?runs=${run.id}`)];
    if (ACTIVE.includes(run.status)) {
      const stop = button(t("run.stop"), act("stop"), { kind: "primary", disabled: Boolean(run.stop_request) });
      return [stop, this.#discard(act("discard")), this.#bell(), copy];
    }
    const judges = run.spec.method === "reward";
    const talk = judges ? null : link(t("run.compare"), `/playground?with=adapter:${run.adapter_id}`, "primary");
    const check = judges ? null : link(t("check.link"), `/safety-check?of=adapter:${run.adapter_id}`);
    const result = run.adapter_id && run.status !== "discarded" ? [talk, check, link(t(run.spec.adapter === "full" ? "adapters.download_whole" : "run.download"), `/api/v1/adapters/${run.adapter_id}/download`)] : [];
    const longer = canExtend(run) ? extendButton(run, async () => { this.run = await get(path); this.#drawHead(); }) : null;
    return [...result, longer, run.can_resume ? button(t("run.resume"), act("resume"), { kind: "primary" }) : null, copy, run.can_resume ? this.#discard(act("discard")) : null];
  }

  // Throwing work away takes a second click, on a button that says what will be lost.
  #discard(discard) {
    const ask = (asked) => () => { this.asked = asked; this.#drawHead(); };
    if (!this.asked) return button(t("run.discard"), ask(true));
    return [h("span", { class: "ts-soft" }, t("run.discard.sure")), button(t("run.discard.yes"), discard, { kind: "danger" }), button(t("run.discard.no"), ask(false))];
  }

  #bell() {
    if (!("Notification" in window) || Notification.permission !== "default") return null;
    return button(t("run.notify"), () => Notification.requestPermission(), { kind: "plain" });
  }

  #drawSettings() {
    const rows = Object.entries(this.run.spec).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") || t("run.all") : String(value ?? t("run.automatic"))]);
    const facts = Object.entries(this.run.facts ?? {}).filter(([, value]) => typeof value !== "object").map(([name, value]) => [name.replaceAll("_", " "), typeof value === "number" ? number(value) : String(value)]);
    const table = (entries) => h("table", { class: "ts-table" }, h("tbody", {}, entries.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value)))));
    return [table(rows), facts.length ? h("h3", {}, t("run.facts")) : null, facts.length ? table(facts) : null];
  }

  #drawCurves() {
    const options = { ...this.view, id: this.id };
    const loss = this.curves.points("loss");
    if (!loss.length) return void fill(this.summary, t("run.no_points"));
    const exam = this.curves.points("eval_loss");
    const curves = [{ name: t("curve.loss"), points: loss }];
    if (exam.length) curves.push({ name: t("curve.eval_loss"), points: exam, dashed: true });
    drawChart(this.loss, curves, options);
    for (const { name, place } of this.small) drawChart(place, [{ name: t(`curve.${name}`), points: this.curves.points(name) }], { id: this.id });
    this.more.draw(this.curves, this.view);
    fill(this.summary, this.#words(loss, exam));
    fill(this.table, this.#drawTable(loss, exam));
  }

  #words(loss, exam) {
    const last = loss.at(-1);
    const words = t("run.summary", { step: last[0], first: number(loss[0][1]), last: number(last[1]) });
    if (!exam.length) return `${words} ${t("run.summary_no_exam")}`;
    const best = exam.filter(([, value]) => value !== null).reduce((a, b) => (b[1] < a[1] ? b : a), [0, Infinity]);
    return `${words} ${t("run.summary_exam", { last: number(exam.at(-1)[1]), best: number(best[1]), step: best[0] })}`;
  }

  #drawTable(loss, exam) {
    const others = [[t("curve.eval_loss"), new Map(exam)], ...columns(this.curves)];
    const cells = (step) => others.map(([, values]) => h("td", {}, values.has(step) ? number(values.get(step)) : ""));
    const rows = loss.slice(-50).reverse().map(([step, value]) => h("tr", {}, h("td", {}, count(step)), h("td", {}, number(value)), cells(step)));
    const titles = [t("run.step"), t("curve.loss"), ...others.map(([title]) => title)];
    return h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, titles.map((words) => h("th", { scope: "col" }, words)))), h("tbody", {}, rows));
  }

  async #readLog() {
    const isOpen = this.log.closest("details").open;
    if (!isOpen) return;
    const query = this.logOffset === null ? "" : `?offset=${this.logOffset}`;
    const piece = await get(`/api/v1/runs/${this.id}/log${query}`);
    this.logOffset = piece.offset;
    if (!piece.text) return;
    const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 20;
    this.log.append(piece.text);
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }
}
