// The parallel-coordinates picture of a sweep: each trial a line over its settings and its exam.
// Drawn with ordinary lines: plotly's own such picture needs a policy that lets strings be evaluated, and knows no dashes.

import { themed } from "./chart.js";
import { number } from "./format.js";
import { t } from "./words.js";

const GRADES = {
  light: ["#0b5f8a", "#3f7f9f", "#8a8f96", "#b86a3a", "#a3450f"],
  dark: ["#5db7e6", "#86bcd6", "#aab2bb", "#e0a184", "#ffb27a"],
};
const SYMBOLS = { complete: "circle", pruned: "x", stopped: "square", failed: "x", running: "diamond", waiting: "diamond" };

// `sweep` as the API gives it; `words(setting, value)` says a value; `states` say where a trial stands.
export async function drawPicture(element, sweep, words, states) {
  const axes = axesOf(sweep, words);
  const shown = sweep.tried.filter((trial) => trial.eval_loss !== null);
  const { library, colours, isDark } = await themed();
  const range = spread(shown.map((trial) => trial.eval_loss));
  const traces = [...shown].sort((a, b) => b.eval_loss - a.eval_loss).map((trial) => line(trial, axes, GRADES[isDark ? "dark" : "light"], range, colours, states));
  await library.react(element, traces, layout(axes, colours, element.clientWidth < 520), { displaylogo: false, responsive: true, displayModeBar: false });
}

function axesOf(sweep, words) {
  const settings = sweep.settings.map((setting) => axis(setting.title, sweep.tried.map((trial) => trial.values[setting.name]), sweep.space[setting.name], (value) => words(setting, value), (trial) => trial.values[setting.name]));
  const losses = sweep.tried.map((trial) => trial.eval_loss).filter((loss) => loss !== null);
  return [...settings, axis(t("sweep.exam"), losses, {}, number, (trial) => trial.eval_loss)];
}

// Where on its axis (0 below, 1 above) a value stands, and the marks beside it.
function axis(title, values, space, word, value) {
  if (space.choices) {
    const all = space.choices;
    const numbers = all.every((one) => typeof one === "number") ? [...all].sort((a, b) => a - b) : all;
    const at = (one) => (numbers.length > 1 ? numbers.indexOf(one) / (numbers.length - 1) : 0.5);
    return { title, word, value, at, marks: numbers.map((one) => [at(one), word(one)]) };
  }
  const [low, high] = space.low === undefined ? spread(values) : [space.low, space.high];
  const scale = space.log ? Math.log : (one) => one;
  const at = (one) => (high > low ? (scale(one) - scale(low)) / (scale(high) - scale(low)) : 0.5);
  const middle = space.log ? Math.sqrt(low * high) : (low + high) / 2;
  return { title, word, value, at, marks: [low, middle, high].map((one) => [at(one), number(one, 3)]) };
}

function spread(values) {
  return values.length ? [Math.min(...values), Math.max(...values)] : [0, 1];
}

// Colour follows the exam; so do the height on the last axis, the width of the best, and dashes of those that ended early.
function line(trial, axes, grades, [low, high], colours, states) {
  const share = high > low ? (trial.eval_loss - low) / (high - low) : 0;
  const whole = trial.state === "complete";
  const told = axes.map((one) => `${one.title}: ${one.word(one.value(trial))}`);
  return {
    type: "scatter",
    mode: "lines+markers",
    name: t("sweep.trial", { n: trial.number }),
    x: axes.map((_, index) => index),
    y: axes.map((one) => one.at(one.value(trial))),
    line: { color: trial.is_best ? colours.ink : grades[Math.round(share * (grades.length - 1))], width: trial.is_best ? 4 : 1.8, dash: whole ? "solid" : "dot" },
    marker: { size: trial.is_best ? 11 : 7, symbol: trial.is_best ? "star" : SYMBOLS[trial.state] },
    text: axes.map(() => `${t("sweep.trial", { n: trial.number })}, ${states[trial.state]}<br>${told.join("<br>")}`),
    hovertemplate: "%{text}<extra></extra>",
    showlegend: false,
  };
}

function layout(axes, colours, narrow) {
  const annotations = axes.flatMap((one, index) => one.marks.map(([at, words]) => ({
    x: index, y: at, text: words, showarrow: false, xanchor: index === axes.length - 1 ? "right" : "left", xshift: index === axes.length - 1 ? -6 : 6, yshift: 9, font: { size: narrow ? 10 : 11, color: colours.ink },
  })));
  return {
    font: { family: "system-ui, sans-serif", size: 12, color: colours.ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 16, r: 16, t: 14, b: 56 },
    xaxis: { tickmode: "array", tickvals: axes.map((_, index) => index), ticktext: axes.map((one) => wrapped(one.title, narrow)), gridcolor: colours.ink, range: [-0.12, axes.length - 0.88], zeroline: false, tickangle: 0, fixedrange: true },
    yaxis: { visible: false, range: [-0.08, 1.12], fixedrange: true },
    annotations,
    hovermode: "closest",
  };
}

function wrapped(title, narrow) {
  return narrow ? title.replaceAll(" ", "<br>") : title;
}
