// Simple markdown as elements: paragraphs, lists, headings, code, bold and italics. Nothing is fetched or run: markup of
// pages stays the text it is, pictures and links become their words with the address behind them.

import { h } from "./dom.js";

const FENCE = /^\s*(```|~~~)/;
const BULLET = /^\s*[-*+]\s+/;
const NUMBER = /^\s*\d{1,4}[.)]\s+/;
const HEADING = /^#{1,6}\s+/;
const INLINE = /(`+)([^`]+?)\1|\*\*([^*\n]+)\*\*|__([^_\n]+)__|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])|!?\[([^\]\n]*)\]\(([^)\s]*)[^)\n]*\)/g;

// Returns the blocks of a text.
export function rendered(text) {
  const lines = text.split("\n");
  const blocks = [];
  while (lines.length) blocks.push(...block(lines));
  return blocks;
}

// Takes one block from the front of the lines.
function block(lines) {
  if (!lines[0].trim()) { lines.shift(); return []; }
  if (FENCE.test(lines[0])) return [fenced(lines)];
  if (BULLET.test(lines[0])) return [list("ul", BULLET, lines)];
  if (NUMBER.test(lines[0])) return [list("ol", NUMBER, lines)];
  if (HEADING.test(lines[0])) return [h("p", { dir: "auto" }, h("strong", {}, inline(lines.shift().replace(HEADING, ""))))];
  const said = [];
  while (lines.length && lines[0].trim() && ![FENCE, BULLET, NUMBER, HEADING].some((start) => start.test(lines[0]))) said.push(lines.shift());
  return [h("p", { dir: "auto" }, inline(said.join("\n")))];
}

function fenced(lines) {
  lines.shift();
  const code = [];
  while (lines.length && !FENCE.test(lines[0])) code.push(lines.shift());
  lines.shift();
  return h("pre", {}, h("code", {}, code.join("\n")));
}

function list(tag, start, lines) {
  const first = tag === "ol" ? parseInt(lines[0], 10) : undefined;
  const items = [];
  while (lines.length && start.test(lines[0])) items.push(h("li", { dir: "auto" }, inline(lines.shift().replace(start, ""))));
  return h(tag, { start: first }, items);
}

function inline(text) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    parts.push(text.slice(end, found.index));
    end = found.index + found[0].length;
    const [, , code, strong, stronger, slanted, words, address] = found;
    if (code) parts.push(h("code", {}, code));
    else if (strong ?? stronger) parts.push(h("strong", {}, strong ?? stronger));
    else if (slanted) parts.push(h("em", {}, slanted));
    else parts.push(address ? `${words} (${address})` : words);
  }
  return [...parts, text.slice(end)];
}
