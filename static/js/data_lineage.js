// Where a dataset comes from and what was made of it: a small picture of lines and dots, and the same as text.

import { title } from "./data_words.js";
import { h, svg } from "./dom.js";
import { count } from "./format.js";
import { t } from "./words.js";

const TALL = 64;
const LANE = 22;
const LEFT = 14;

export function lineage({ nodes, edges }, here) {
  const order = sorted(nodes, edges);
  const lanes = laned(order, edges);
  const wide = LEFT * 2 + LANE * Math.max(...lanes.values());
  const at = new Map(order.map((node, index) => [node.id, { x: LEFT + LANE * lanes.get(node.id), y: TALL * index + TALL / 2 }]));
  const drawing = svg("svg", { width: wide, height: TALL * order.length, viewBox: `0 0 ${wide} ${TALL * order.length}`, "aria-hidden": "true", class: "ts-lineage-lines" },
    edges.filter(([from, to]) => at.has(from) && at.has(to)).map(([from, to]) => svg("path", { d: curve(at.get(from), at.get(to), isMerge(from, to, edges)), class: "ts-edge" })),
    order.map((node) => svg("circle", { cx: at.get(node.id).x, cy: at.get(node.id).y, r: node.id === here ? 7 : 5, class: node.id === here ? "ts-dot ts-here" : "ts-dot" })));
  return h("div", { class: "ts-lineage" }, drawing, h("ol", {}, order.map((node) => line(node, nodes, edges, here))));
}

// Parents stand above what was made of them; the older of two first.
function sorted(nodes, edges) {
  const left = [...nodes];
  const done = [];
  while (left.length) {
    const next = left.findIndex(({ id }) => edges.every(([from, to]) => to !== id || done.some((node) => node.id === from) || !left.some((node) => node.id === from)));
    done.push(...left.splice(Math.max(0, next), 1));
  }
  return done;
}

// A version goes on in the lane of its first parent; a second version of the same parent takes a new lane.
function laned(order, edges) {
  const lanes = new Map();
  const continued = new Set();
  let free = 0;
  for (const { id } of order) {
    const parent = edges.find(([from, to]) => to === id && lanes.has(from))?.[0];
    if (parent !== undefined && !continued.has(parent)) {
      continued.add(parent);
      lanes.set(id, lanes.get(parent));
    } else {
      lanes.set(id, free);
      free += 1;
    }
  }
  return lanes;
}

function isMerge(from, to, edges) {
  return edges.find(([, child]) => child === to)[0] !== from;
}

function curve(from, to, merges) {
  if (from.x === to.x) return `M ${from.x} ${from.y} L ${to.x} ${to.y}`;
  if (merges) return `M ${from.x} ${from.y} L ${from.x} ${to.y - TALL} C ${from.x} ${to.y - TALL / 2} ${to.x} ${to.y - TALL / 2} ${to.x} ${to.y}`;
  return `M ${from.x} ${from.y} C ${from.x} ${from.y + TALL / 2} ${to.x} ${from.y + TALL / 2} ${to.x} ${from.y + TALL} L ${to.x} ${to.y}`;
}

function line(node, nodes, edges, here) {
  const named = (id) => nodes.find((one) => one.id === id)?.name ?? id;
  const parents = edges.filter(([, to]) => to === node.id).map(([from]) => named(from));
  const name = node.id === here ? h("strong", { "aria-current": "true" }, node.name) : node.deleted ? h("s", {}, node.name) : h("a", { href: `/data?dataset=${node.id}&view=versions` }, node.name);
  const rows = node.status === "ready" ? t("versions.rows", { n: count(node.rows_good) }) : t("versions.not_ready");
  const note = node.id === here ? t("versions.here") : node.deleted ? t("versions.deleted") : null;
  return h("li", {}, h("div", { class: "ts-lineage-name" }, name, note ? h("span", { class: "ts-soft ts-small" }, ` ${note}`) : null),
    h("div", { class: "ts-soft ts-small ts-lineage-how" }, `${rows} · ${title(node.operation)}`, parents.length > 1 ? ` (${parents.join(" + ")})` : ""));
}
