// Curves that only some ways of learning have, each with a sentence what a good one looks like, and its content in words.

import { drawChart } from "./chart.js";
import { fill, h } from "./dom.js";
import { number } from "./format.js";
import { t } from "./words.js";

// A chart's name, and the curves in it as the run reports them; those of an exam have `eval_` in front.
export const CHARTS = [
  ["margin", ["reward_margin"]],
  ["accuracy", ["reward_accuracy"]],
  ["rewards", ["reward_chosen", "reward_rejected"]],
  ["kl", ["kl"]],
  ["odds", ["log_odds"]],
  ["answer_loss", ["answer_loss"]],
  ["rank", ["mean_rank"]],
  ["entropy", ["answer_entropy"]],
  ["length", ["answer_length"]],
  ["cut_off", ["answers_cut_off"]],
];

export class MoreCurves {
  constructor(runId) {
    this.runId = runId;
    this.element = h("div", { class: "ts-more-curves" });
    this.blocks = new Map();
  }

  // Draws the charts that have points, in their order; one that has appeared stays where it is.
  draw(curves, view) {
    for (const [name, parts] of CHARTS) {
      const lines = parts.flatMap((part) => drawn(curves, part, parts.length > 1));
      if (lines.length) this.#draw(name, lines, view);
    }
  }

  #draw(name, lines, view) {
    if (!this.blocks.has(name)) this.#add(name);
    const { chart, summary } = this.blocks.get(name);
    drawChart(chart, lines, { ...view, log: false, id: this.runId });
    const words = lines.map(told).join("; ");
    fill(summary, words.charAt(0).toUpperCase(), words.slice(1), ".");
  }

  #add(name) {
    const summary = h("p", { class: "ts-soft ts-small", id: `curve-words-${name}` });
    const chart = h("div", { class: "ts-chart", role: "img", "aria-label": t(`more.${name}`), "aria-describedby": summary.id });
    this.blocks.set(name, { chart, summary });
    const block = h("div", {}, h("h3", {}, t(`more.${name}`)), h("p", { class: "ts-soft ts-small" }, t(`more.${name}_good`)), chart, summary);
    const before = CHARTS.map(([each]) => each);
    block.dataset.place = String(before.indexOf(name));
    const after = [...this.element.children].find((other) => Number(other.dataset.place) > Number(block.dataset.place));
    this.element.insertBefore(block, after ?? null);
  }
}

function told({ name, points }) {
  const [step, last] = points.at(-1);
  if (points.length === 1) return t("run.summary_point", { name, step, last: number(last) });
  return t("run.summary_curve", { name, step, first: number(points[0][1]), last: number(last) });
}

// Of a curve what was learned from and what the exam found; pairs of curves are drawn without their exams.
function drawn(curves, part, isPair) {
  if (isPair) return [{ name: t(`curve.${part}`), points: curves.points(part) }].filter(({ points }) => points.length);
  const learned = { name: t("curve.while_learning"), points: curves.points(part) };
  const exam = { name: t("curve.in_exam"), points: curves.points(`eval_${part}`), dashed: true };
  return [learned, exam].filter(({ points }) => points.length);
}

// Every curve of a run that has its own words, for the table.
export function columns(curves) {
  const names = CHARTS.flatMap(([, parts]) => parts).filter((name) => curves.points(name).length);
  return names.map((name) => [t(`curve.${name}`), new Map(curves.points(name))]);
}
