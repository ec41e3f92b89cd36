// Draws text token by token: what is learned is underlined, marks of the template are outlined, the cut is a line.

import { h } from "./dom.js";
import { count } from "./format.js";
import { t } from "./words.js";

const SPACES = /[\n\t]/g;
const PART = /\\x[89a-f][0-9a-f]/;
const PARTS = /(\\x[89a-f][0-9a-f])/;
const MOST_PARTS = 8;
const SIGNS = { "\n": "↵\n", "\t": "⇥\t" };

// `tokens`: [{text, id, learned, special}]; `cutAt`: the number of tokens that are kept, null where all are.
export function drawTokens(tokens, cutAt = null) {
  const kept = cutAt === null ? tokens : tokens.slice(0, cutAt);
  const lost = cutAt === null ? [] : tokens.slice(cutAt);
  return h("div", { class: "ts-tokens", dir: "auto" }, runs(kept),
    lost.length ? [h("span", { class: "ts-cut-here" }, t("tokens.cut", { n: count(lost.length) })), h("span", { class: "ts-lost" }, runs(lost))] : null);
}

// Neighbours of one kind share a mark, so that a screen reader reads words and not tokens.
function runs(tokens) {
  const groups = [];
  for (const token of tokens) {
    const kind = token.learned ? "learned" : "read";
    if (groups.at(-1)?.kind === kind) groups.at(-1).tokens.push(token);
    else groups.push({ kind, tokens: [token] });
  }
  return groups.map(({ kind, tokens: all }) => h(kind === "learned" ? "mark" : "span", { class: `ts-${kind}-run` }, whole(all).map(piece)));
}

// Tokens that are each a part of one character come as bytes, such as \xf0: together they are shown as that character.
function whole(tokens) {
  const found = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const parts = PART.test(tokens[at].text) ? character(tokens, at) : null;
    found.push(parts ?? { ...tokens[at], ids: [tokens[at].id] });
    if (parts) at += parts.ids.length - 1;
  }
  return found;
}

function character(tokens, start) {
  for (let end = start + 2; end <= Math.min(tokens.length, start + MOST_PARTS); end += 1) {
    const parts = tokens.slice(start, end);
    const text = read(parts.map((token) => token.text).join(""));
    if (text !== null) return { text, ids: parts.map(({ id }) => id), special: false };
  }
  return null;
}

function read(text) {
  const pieces = text.split(PARTS).map((piece) => (PART.test(piece) ? [Number.parseInt(piece.slice(2), 16)] : [...new TextEncoder().encode(piece)]));
  try { return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(pieces.flat())); } catch { return null; }
}

function piece(token) {
  const text = token.text.replace(SPACES, (sign) => SIGNS[sign]);
  return h("span", { class: token.special ? "ts-token ts-special" : "ts-token", title: t(token.ids.length > 1 ? "tokens.ids" : "tokens.id", { id: token.ids.join(", ") }) }, text || "∅");
}

export function legend() {
  const entry = (mark, words) => h("span", { class: "ts-entry" }, mark, ` ${words}`);
  return h("p", { class: "ts-legend ts-small" },
    entry(h("mark", { class: "ts-learned-run" }, t("tokens.sample")), t("tokens.learned")),
    entry(h("span", {}, t("tokens.sample")), t("tokens.read")),
    entry(h("span", { class: "ts-token ts-special" }, t("tokens.mark")), t("tokens.special")));
}

// What the trainer really read first in a run, block by block, with the rows that were packed into each.
export function drawFirstBatch(batch) {
  return [
    h("p", { class: "ts-soft" }, t("batch.words", { rows: count(batch.rows), learned: count(batch.learned) }), " ", batch.packing ? t("batch.packed") : "", " ", batch.padding ? t("batch.padding", { n: count(batch.padding) }) : ""),
    legend(),
    batch.examples.map((example, index) => h("article", { class: "ts-conversation" }, h("h3", {}, t("batch.block", { n: count(index + 1) })), segments(example))),
  ];
}

function segments({ tokens, segments: lengths }) {
  let start = 0;
  const pieces = (lengths?.length ? lengths : [tokens.length]).map((length) => tokens.slice(start, (start += length)));
  return pieces.filter((piece) => piece.length).map((piece, index) => [
    pieces.length > 1 ? h("p", { class: "ts-segment ts-soft ts-small" }, t("batch.segment", { n: count(index + 1), tokens: count(piece.length) })) : null, drawTokens(piece)]);
}
