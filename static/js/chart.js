// Charts with the plotly.js that the studio serves itself; colours follow the theme, zoom survives updates.

import { smooth } from "./curves.js";
import { isDark, look } from "./lines.js";
import { t } from "./words.js";

let loading = null;

function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/ui/plotly.min.js";
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => reject(new Error(t("chart.missing")));
    document.head.append(script);
  });
  return loading;
}

const COLOURS = {
  light: { ink: "#3a4654", grid: "#e3e7ec", series: ["#0b5f8a", "#a3450f"] },
  dark: { ink: "#c3ccd6", grid: "#2c3742", series: ["#5db7e6", "#ffb27a"] },
};

// What a picture of another kind is drawn with.
export async function themed() {
  return { library: await plotly(), colours: COLOURS[isDark() ? "dark" : "light"], isDark: isDark() };
}

function line(name, points, colour, { faint = false, dashed = false, title }) {
  return {
    type: "scatter",
    name,
    x: points.map(([step]) => step),
    y: points.map(([, value]) => value),
    mode: points.length < 30 || dashed ? "lines+markers" : "lines",
    marker: { size: 6, symbol: dashed ? "diamond" : "circle" },
    line: { color: colour, width: faint ? 1 : 2.2, dash: dashed ? "dash" : "solid" },
    opacity: faint ? 0.3 : 1,
    showlegend: !faint,
    hovertemplate: `${name}: %{y:.4g}<br>${title} %{x}<extra></extra>`,
    connectgaps: false,
  };
}

// Draws named curves into an element. `curves`: [{name, points, dashed}]; options: smoothing 0..1, log axis, `title` of
// the lower axis.
export async function drawChart(element, curves, { smoothing = 0, log = false, id = "", title = t("chart.step") } = {}) {
  const library = await plotly();
  const colours = COLOURS[isDark() ? "dark" : "light"];
  const traces = curves.flatMap(({ name, points, dashed = false }, index) => {
    const colour = colours.series[index % colours.series.length];
    if (smoothing > 0 && !dashed) return [line(name, points, colour, { faint: true, title }), line(name, smooth(points, smoothing), colour, { title })];
    return [line(name, points, colour, { dashed, title })];
  });
  const large = curves.some(({ points }) => points.some(([, value]) => Math.abs(value) >= 1000));
  const heights = new Set(curves.flatMap(({ points }) => points.map(([, value]) => value)));
  const axis = { gridcolor: colours.grid, zerolinecolor: colours.grid, automargin: true };
  const layout = {
    font: { family: "system-ui, sans-serif", size: 12, color: colours.ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 48, r: 12, t: curves.length > 1 ? 36 : 10, b: 40 },
    xaxis: { ...axis, title: { text: title }, rangemode: "tozero" },
    yaxis: { ...axis, type: log ? "log" : "linear", exponentformat: large ? "none" : "e", separatethousands: large, rangemode: heights.size === 1 ? "tozero" : "normal" },
    legend: { orientation: "h", x: 1, xanchor: "right", y: 1.16 },
    showlegend: curves.length > 1,
    hovermode: "x unified",
    uirevision: `${id}${log}`,
  };
  await library.react(element, traces, layout, { displaylogo: false, responsive: true, displayModeBar: "hover", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
}

const HEIGHT = 300; // of the drawing, about; in pixels
const APART = 15;

// Draws many lines, each with its own dash, marks and the letter of its number at its end.
// `lines`: [{index, points: [[x, y]]}]; options: smoothing, log axis, `title` of the lower axis, `id` for keeping the zoom.
export async function drawLines(element, lines, { smoothing = 0, log = false, title = "", id = "" } = {}) {
  const library = await plotly();
  const colours = COLOURS[isDark() ? "dark" : "light"];
  const drawn = lines.map(({ index, points }) => ({ index, points: smoothing > 0 ? smooth(points, smoothing) : points }));
  const axis = { gridcolor: colours.grid, zerolinecolor: colours.grid, automargin: true };
  const layout = {
    font: { family: "system-ui, sans-serif", size: 12, color: colours.ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 48, r: 28, t: 10, b: 44 },
    xaxis: { ...axis, title: { text: title }, rangemode: "tozero" },
    yaxis: { ...axis, type: log ? "log" : "linear", exponentformat: "e" },
    showlegend: false,
    hovermode: "closest",
    annotations: ends(drawn, log),
    uirevision: `${id}${log}${title}`,
  };
  await library.react(element, drawn.map(many), layout, { displaylogo: false, responsive: true, displayModeBar: "hover", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
}

function many({ index, points }) {
  const { colour, dash, symbol, letter } = look(index);
  return {
    type: "scatter",
    name: letter,
    x: points.map(([x]) => x),
    y: points.map(([, y]) => y),
    mode: "lines+markers",
    marker: { size: 7, symbol, color: colour, maxdisplayed: 14 },
    line: { color: colour, width: 2.2, dash },
    hovertemplate: `${letter}: %{y:.4g}<br>%{x:.4g}<extra></extra>`,
    connectgaps: false,
  };
}

// The letters at the ends of the lines, moved up or down where two would cover each other.
function ends(lines, log) {
  const height = (y) => (log ? Math.log10(y) : y);
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y)).filter((y) => y !== null && (!log || y > 0)).map(height);
  const span = Math.max(...values) - Math.min(...values) || 1;
  const last = lines.map(({ index, points }) => ({ index, point: points.findLast(([, y]) => y !== null && (!log || y > 0)) })).filter(({ point }) => point);
  last.sort((a, b) => a.point[1] - b.point[1]);
  let above = -Infinity;
  return last.map(({ index, point: [x, y] }) => {
    const { colour, letter } = look(index);
    const at = (height(y) / span) * HEIGHT;
    const placed = Math.max(at, above + APART);
    above = placed;
    return { x, y: height(y), text: `<b>${letter}</b>`, xanchor: "left", xshift: 8, yshift: placed - at, showarrow: false, font: { color: colour, size: 13 } };
  });
}
