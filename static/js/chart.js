// Charts with the plotly.js that the studio serves itself; colours follow the theme, zoom survives updates.

import { smooth } from "./curves.js";
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

const isDark = () => document.body.classList.contains("dark") || document.documentElement.classList.contains("dark");

const COLOURS = {
  light: { ink: "#3a4654", grid: "#e3e7ec", series: ["#0b5f8a", "#a3450f"] },
  dark: { ink: "#c3ccd6", grid: "#2c3742", series: ["#5db7e6", "#ffb27a"] },
};

function line(name, points, colour, { faint = false, dashed = false }) {
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
    hovertemplate: `${name}: %{y:.4g}<br>${t("chart.step")} %{x}<extra></extra>`,
    connectgaps: false,
  };
}

// Draws named curves into an element. `curves`: [{name, points, dashed}]; options: smoothing 0..1, log axis.
export async function drawChart(element, curves, { smoothing = 0, log = false, id = "" } = {}) {
  const library = await plotly();
  const colours = COLOURS[isDark() ? "dark" : "light"];
  const traces = curves.flatMap(({ name, points, dashed = false }, index) => {
    const colour = colours.series[index % colours.series.length];
    if (smoothing > 0 && !dashed) return [line(name, points, colour, { faint: true }), line(name, smooth(points, smoothing), colour, {})];
    return [line(name, points, colour, { dashed })];
  });
  const large = curves.some(({ points }) => points.some(([, value]) => Math.abs(value) >= 1000));
  const axis = { gridcolor: colours.grid, zerolinecolor: colours.grid, automargin: true };
  const layout = {
    font: { family: "system-ui, sans-serif", size: 12, color: colours.ink },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 48, r: 12, t: curves.length > 1 ? 36 : 10, b: 40 },
    xaxis: { ...axis, title: { text: t("chart.step") }, rangemode: "tozero" },
    yaxis: { ...axis, type: log ? "log" : "linear", exponentformat: large ? "none" : "e", separatethousands: large },
    legend: { orientation: "h", x: 1, xanchor: "right", y: 1.16 },
    showlegend: curves.length > 1,
    hovermode: "x unified",
    uirevision: `${id}${log}`,
  };
  await library.react(element, traces, layout, { displaylogo: false, responsive: true, displayModeBar: "hover", modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] });
}
