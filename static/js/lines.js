// Lines that are told apart by colour, dash, mark and letter together, so that no one of these has to be seen.

import { h, svg } from "./dom.js";

const COLOURS = {
  light: ["#0b5f8a", "#a3450f", "#2f6b1e", "#8a1f6e", "#4f3fb0", "#735400", "#b3123a", "#00665c"],
  dark: ["#5db7e6", "#ffb27a", "#8fd67a", "#f08fd4", "#b9adff", "#e6c35c", "#ff97a6", "#5fd4c4"],
};
const DASHES = [["solid", ""], ["dash", "9 5"], ["dot", "2 4"], ["dashdot", "9 4 2 4"], ["longdash", "15 6"], ["longdashdot", "15 4 2 4"]];
const MARKS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon"];
const SHAPES = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z", "M-4,-4H4V4H-4Z", "M0,-5L5,0L0,5L-5,0Z", "M0,-5L5,4H-5Z",
  "M-2,-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z", "M-4,-5L0,-1L4,-5L5,-4L1,0L5,4L4,5L0,1L-4,5L-5,4L-1,0L-5,-4Z",
  "M0,-6L2,-2L6,-2L3,1L4,5L0,3L-4,5L-3,1L-6,-2L-2,-2Z", "M-5,0L-2.5,-4.5H2.5L5,0L2.5,4.5H-2.5Z",
];

export const isDark = () => document.body.classList.contains("dark") || document.documentElement.classList.contains("dark");

// The look of the line of that number: of the first eight no two share a colour, nor any two of 24 colour and dash.
export function look(index) {
  const [dash, pattern] = DASHES[(index + Math.floor(index / 8)) % DASHES.length];
  const mark = index % MARKS.length;
  return { colour: COLOURS[isDark() ? "dark" : "light"][index % 8], dash, pattern, symbol: MARKS[mark], shape: SHAPES[mark], letter: letter(index) };
}

export function letter(index) { return String.fromCharCode(65 + (index % 26)); }

// A piece of the line beside its letter, for a legend.
export function sample(index) {
  const { colour, pattern, shape } = look(index);
  const line = svg("line", { x1: 2, y1: 10, x2: 50, y2: 10, stroke: colour, "stroke-width": 2.2, "stroke-dasharray": pattern });
  const mark = svg("path", { d: shape, transform: "translate(26 10)", fill: colour });
  return h("span", { class: "ts-line-sample" }, h("strong", {}, letter(index)), svg("svg", { width: 52, height: 20, "aria-hidden": "true" }, line, mark));
}
