// The page of one sweep: where it stands, its trials as a picture and as a table, and what to do with the best.

import { get, parameter, poll, post, remove } from "./api.js";
import { fill, fillWhenChanged, h } from "./dom.js";
import { count, duration, moment, number } from "./format.js";
import { button, chip, empty, fact, field, link, notice, problem, progress } from "./parts.js";
import { drawPicture } from "./sweep_picture.js";
import { t } from "./words.js";

const STATES = { waiting: t("sweep.state.waiting"), running: t("sweep.state.running"), complete: t("sweep.state.complete"), pruned: t("sweep.state.pruned"), stopped: t("sweep.state.stopped"), failed: t("sweep.state.failed") };
const SIGNS = { waiting: "◷", running: "▶", complete: "✓", pruned: "✂", stopped: "■", failed: "!" };
const CHIPS = { waiting: "queued", running: "running", complete: "finished", pruned: "stopped", stopped: "stopped", failed: "failed" };
const OVER = { running: t("sweep.says.running"), stopped: t("sweep.says.stopped"), finished: t("sweep.says.finished") };

export async function draw(root) {
  const id = parameter("sweep");
  if (!id) return fill(root, empty(t("sweep.none.title"), t("sweep.none.words"), link(t("nav.train"), "/train", "primary")));
  await new SweepPage(root, id).start();
}

export function word(setting, value) {
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return typeof value === "number" ? number(value) : setting.words[value] ?? String(value);
}

class SweepPage {
  constructor(root, id) {
    this.root = root;
    this.path = `/api/v1/sweeps/${id}`;
    this.order = { by: "number", falling: false };
  }

  async start() {
    try {
      this.sweep = await get(this.path);
    } catch (error) {
      return fill(this.root, empty(t("sweep.gone"), `${error.message} ${error.hint}`, link(t("nav.runs"), "/runs", "primary")));
    }
    this.#lay();
    poll(async () => { this.sweep = await get(this.path); this.#draw(); }, 2);
  }

  #lay() {
    this.parts = Object.fromEntries(["title", "progress", "facts", "actions", "foot"].map((name) => [name, h("div", { class: `ts-part-${name}` })]));
    this.parts.facts.className = "ts-facts";
    this.parts.actions.className = "ts-actions";
    this.parts.foot.className = "ts-soft ts-small";
    this.best = h("section", { class: "ts-card", hidden: true, id: "sweep-best" });
    this.summary = h("p", { class: "ts-soft", id: "sweep-summary", "aria-live": "polite" });
    this.picture = h("div", { class: "ts-chart ts-chart-large", role: "img", "aria-label": t("sweep.picture"), "aria-describedby": "sweep-summary" });
    this.table = h("div", { class: "ts-scroll ts-wide", tabindex: "0", "aria-label": t("sweep.trials") });
    fill(this.root, h("section", { class: "ts-card" }, Object.values(this.parts)), this.best,
      h("section", { class: "ts-card" }, h("h2", {}, t("sweep.picture")), this.summary, h("p", { class: "ts-soft ts-small" }, t("sweep.picture_help")), this.picture),
      h("section", { class: "ts-card" }, h("h2", {}, t("sweep.trials")), this.table));
    new MutationObserver(() => this.#drawPicture()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  #draw() {
    const { sweep, parts } = this;
    fillWhenChanged(parts.title, [sweep.name, sweep.status, sweep.words], () => [
      h("div", { class: "ts-row ts-between" }, h("h1", { class: "ts-title" }, sweep.name), chip(sweep.status)),
      sweep.status === "stopped" ? problem(sweep.words, "") : null,
      h("p", { class: "ts-lead" }, OVER[sweep.status]),
    ]);
    fillWhenChanged(parts.progress, [sweep.ended, sweep.trials], () => progress(sweep.ended / sweep.trials, t("sweep.ended", { n: sweep.ended, all: sweep.trials })));
    fillWhenChanged(parts.facts, sweep.tried, () => this.#facts());
    fillWhenChanged(parts.actions, [sweep.status], () => this.#actions());
    fillWhenChanged(parts.foot, sweep.id, () => t("run.dates", { created: moment(sweep.created_at), id: sweep.id }));
    fillWhenChanged(this.best, [sweep.status, this.#bestTrial()], () => this.#best());
    fillWhenChanged(this.table, [sweep.tried, this.order], () => this.#rows());
    this.#drawPicture();
  }

  #bestTrial() { return this.sweep.tried.find((trial) => trial.is_best); }

  #facts() {
    const { tried } = this.sweep;
    const best = this.#bestTrial();
    return [
      fact(t("sweep.best_exam"), best ? number(best.eval_loss) : "–"),
      fact(t("sweep.first_exam"), tried[0]?.eval_loss ? number(tried[0].eval_loss) : "–", t("sweep.first_help")),
      fact(t("sweep.pruned"), count(tried.filter((trial) => trial.state === "pruned").length)),
      fact(t("run.elapsed"), duration(tried.reduce((sum, trial) => sum + trial.seconds, 0))),
    ];
  }

  #actions() {
    const { sweep } = this;
    const act = (action) => async () => { this.sweep = await post(`${this.path}/${action}`); this.#draw(); };
    const erase = async () => {
      await remove(this.path);
      const back = async () => { await post(`${this.path}/restore`); };
      notice(t("deleted", { name: sweep.name }), { undo: back, look: [t("nav.runs"), "/runs"] });
    };
    return [
      sweep.status === "running" ? button(t("sweep.stop"), act("stop"), { kind: "primary" }) : null,
      sweep.status === "stopped" ? button(t("sweep.resume"), act("resume"), { kind: "primary" }) : null,
      link(t("nav.runs"), "/runs"),
      sweep.status === "running" ? null : button(t("delete"), erase, { kind: "link" }),
    ];
  }

  // What came out, and the two things to do with it.
  #best() {
    const best = this.#bestTrial();
    this.best.hidden = !best;
    if (!best) return [];
    const name = h("input", { type: "text", id: "preset-name", maxlength: "120", value: t("sweep.preset_named", { name: this.sweep.name }).slice(0, 120) });
    const keep = async () => {
      const made = await post(`${this.path}/preset`, { name: name.value });
      notice(t("presets.kept", { name: made.name }), { look: [t("nav.train"), "/train"] });
    };
    const values = this.sweep.settings.map((setting) => `${setting.title}: ${word(setting, best.values[setting.name])}`).join(", ");
    return [
      h("h2", {}, this.sweep.status === "finished" ? t("sweep.best", { n: best.number }) : t("sweep.best_yet", { n: best.number })),
      h("p", {}, `${values}. ${t("sweep.best_words", { loss: number(best.eval_loss), step: count(best.best_step) })}`),
      best.run_id ? h("div", { class: "ts-actions" }, link(t("sweep.use"), `/train?copy=${best.run_id}`, "primary"), link(t("sweep.look"), `/run?run=${best.run_id}`)) : null,
      h("div", { class: "ts-fields" }, field(t("presets.name"), name, t("sweep.preset_help"))),
      h("div", { class: "ts-actions" }, button(t("sweep.keep"), keep)),
    ];
  }

  #drawPicture() {
    const shown = this.sweep.tried.filter((trial) => trial.eval_loss !== null);
    this.picture.hidden = !shown.length;
    fill(this.summary, this.#words(shown));
    const key = JSON.stringify([this.sweep.tried.map((trial) => [trial.state, trial.eval_loss]), document.body.className]);
    if (!shown.length || key === this.drawn) return;
    this.drawn = key;
    drawPicture(this.picture, this.sweep, word, STATES);
  }

  // The picture in words.
  #words(shown) {
    const best = this.#bestTrial();
    if (!best) return shown.length ? t("sweep.summary_first", { n: shown.length }) : t("sweep.summary_none");
    const losses = shown.map((trial) => trial.eval_loss);
    const values = this.sweep.settings.map((setting) => `${setting.title} ${word(setting, best.values[setting.name])}`).join(", ");
    return t("sweep.summary", { n: shown.length, low: number(Math.min(...losses)), high: number(Math.max(...losses)), best: best.number, values });
  }

  #rows() {
    const { sweep } = this;
    const columns = [
      ["number", t("sweep.number"), (trial) => trial.number, (trial) => [trial.is_best ? h("span", { title: t("sweep.is_best") }, "★ ") : null, trial.run_id ? h("a", { href: `/run?run=${trial.run_id}`, "data-key": trial.run_id }, t("sweep.trial", { n: trial.number })) : t("sweep.trial", { n: trial.number })]],
      ...sweep.settings.map((setting) => [setting.name, setting.title, (trial) => trial.values[setting.name], (trial) => word(setting, trial.values[setting.name])]),
      ["eval_loss", t("sweep.exam"), (trial) => trial.eval_loss ?? Infinity, (trial) => (trial.eval_loss === null ? "–" : number(trial.eval_loss))],
      ["step", t("sweep.at"), (trial) => trial.step, (trial) => `${count(trial.step)} / ${trial.total_steps ? count(trial.total_steps) : "–"}`],
      ["state", t("sweep.state"), (trial) => trial.state, (trial) => [h("span", { class: `ts-chip ts-${CHIPS[trial.state]}` }, `${SIGNS[trial.state]} ${STATES[trial.state]}`), trial.words ? h("p", { class: "ts-soft ts-small" }, trial.words) : null]],
    ];
    const value = columns.find(([name]) => name === this.order.by)[2];
    const sorted = [...sweep.tried].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a.number - b.number) * (this.order.falling ? -1 : 1));
    if (!sorted.length) return h("p", { class: "ts-soft" }, t("sweep.summary_none"));
    return h("table", { class: "ts-table" },
      h("thead", {}, h("tr", {}, columns.map(([name, title]) => this.#header(name, title)))),
      h("tbody", {}, sorted.map((trial) => h("tr", { class: trial.is_best ? "ts-best" : null }, columns.map(([, , , cell]) => h("td", {}, cell(trial)))))));
  }

  #header(name, title) {
    const here = this.order.by === name;
    const sort = () => { this.order = { by: name, falling: here && !this.order.falling }; fillWhenChanged(this.table, [this.sweep.tried, this.order], () => this.#rows()); };
    const sign = here ? (this.order.falling ? " ↓" : " ↑") : "";
    return h("th", { scope: "col", "aria-sort": here ? (this.order.falling ? "descending" : "ascending") : null }, h("button", { type: "button", class: "ts-button ts-link ts-sort", onclick: sort, "data-key": `sort-${name}` }, `${title}${sign}`));
  }
}
