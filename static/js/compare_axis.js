// Points of several runs over steps, tokens or seconds, and in words which run is lowest where all of them have been.

import { smooth } from "./curves.js";
import { count, duration, number } from "./format.js";
import { letter } from "./lines.js";
import { t } from "./words.js";

const STEADY = 0.6; // a single batch's loss jumps; who is lower is judged by its smoothed curve

// The lines of a curve over an axis, by number of the run; runs without the curve, or without the axis, are left out.
export function progressed(runs, name, axis) {
  return runs.map((run, index) => ({ index, points: along(run, name, axis) })).filter(({ points }) => points.length);
}

// Which run is lowest at the last place that all have reached, and what cannot be said, in sentences.
export function reading(runs, axis) {
  const examined = runs.every((run) => run.curves.eval_loss);
  const name = examined ? "eval_loss" : "loss";
  const lines = progressed(runs, name, axis);
  const lacking = runs.filter((run, index) => run.curves.loss && !lines.some((line) => line.index === index));
  const missing = axis !== "step" && lacking.length ? t("compare.lacking", { runs: lacking.map((run) => letter(runs.indexOf(run))).join(", "), axis: t(`compare.axis.${axis}`) }) : "";
  if (lines.length < 2) return { words: lines.length ? t("compare.one_line") : t("run.no_points"), missing };
  const end = Math.min(...lines.map(({ points }) => points.at(-1)[0]));
  const there = lines.map(({ index, points }) => ({ index, value: at(examined ? points : smooth(points, STEADY), end) })).filter(({ value }) => value !== null);
  if (there.length < 2) return { words: t("compare.too_early"), missing };
  there.sort((a, b) => a.value - b.value);
  const named = ({ index, value }) => t("compare.one", { letter: letter(index), name: runs[index].name, loss: number(value) });
  const [best, ...others] = there;
  const words = t(examined ? "compare.lowest_exam" : "compare.lowest_loss", { place: t(`compare.at.${axis}`, { n: axis === "seconds" ? duration(end) : count(Math.round(end)) }), best: named(best), others: others.map(named).join("; ") });
  return { words, missing };
}

function along(run, name, axis) {
  const curve = run.curves[name];
  if (!curve) return [];
  const points = curve.steps.map((step, index) => [step, curve.values[index]]);
  if (axis === "step") return points;
  const reached = run.curves[axis];
  if (!reached) return [];
  const scale = reached.steps.map((step, index) => [step, reached.values[index]]);
  return points.map(([step, value]) => [at(scale, step), value]).filter(([x]) => x !== null);
}

// The value of a curve at a place between its points; before the first it begins at nothing only if it has a point there.
function at(points, place) {
  const known = points.filter(([, value]) => value !== null);
  const after = known.findIndex(([x]) => x >= place);
  if (after === -1) return known.length ? known.at(-1)[1] : null;
  const [x, value] = known[after];
  if (x === place || after === 0) return x === place || after === 0 ? value : null;
  const [before, from] = known[after - 1];
  return from + ((value - from) * (place - before)) / (x - before);
}
