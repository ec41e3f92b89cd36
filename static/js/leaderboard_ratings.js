// A group of contestants as a table with intervals drawn as bars, what that means in words, and who won against whom.

import { h } from "./dom.js";
import { count } from "./format.js";
import { link } from "./parts.js";
import { t } from "./words.js";

const MIDDLE = 1000;

export function ratings(group, index) {
  const scale = scaleOf(group.places);
  const yardstick = group.places.find((place) => place.yardstick);
  return [
    h("div", { class: "ts-ratings" }, h("table", { class: "ts-table ts-leader" },
      h("thead", {}, h("tr", {}, ["contestant", "rating", "interval", "votes"].map((name) => h("th", { scope: "col" }, t(HEADS[name]))))),
      h("tbody", {}, group.places.map((place) => row(place, scale))))),
    group.remarks.length ? h("ul", { class: "ts-remarks", "aria-label": t("leader.remarks") }, group.remarks.map((remark) => h("li", { "data-level": remark.level }, h("span", {}, remark.words), voteOn(remark)))) : null,
    h("p", { class: "ts-soft ts-small" }, yardstick ? t("leader.yardstick_words", { title: yardstick.title }) : t("leader.middle_words"), " ", t("leader.points_words"), index ? ` ${t("leader.apart_words")}` : ""),
  ];
}

const HEADS = { contestant: "leader.contestant", rating: "leader.rating", interval: "leader.interval", votes: "leader.votes" };

function row(place, scale) {
  return h("tr", { "data-name": place.name }, h("th", { scope: "row" }, place.title),
    h("td", { class: "ts-rating", "data-label": t("leader.rating") }, rating(place), place.early ? h("span", { class: "ts-soft ts-small" }, ` ${t("leader.early_votes")}`) : null),
    h("td", { "data-label": t("leader.interval") }, place.yardstick ? h("span", { class: "ts-soft" }, t("leader.yardstick")) : [bar(place, scale), h("span", { class: "ts-small" }, interval(place))]),
    h("td", { "data-label": t("leader.votes") }, t("leader.tally", { wins: count(place.wins), losses: count(place.losses), ties: count(place.ties) })));
}

// Who has won or lost all has no rating that means anything, only an end of the interval.
function rating({ rating: points, low, high, yardstick }) {
  if (yardstick || (low !== null && high !== null)) return shown(points);
  if (low !== null) return t("leader.at_least", { n: shown(low) });
  return high !== null ? t("leader.at_most", { n: shown(high) }) : "–";
}

function interval({ low, high }) {
  if (low === null && high === null) return t("leader.unknown");
  if (high === null) return t("leader.or_more", { n: shown(low) });
  return low === null ? t("leader.or_less", { n: shown(high) }) : t("leader.from_to", { low: shown(low), high: shown(high) });
}

function shown(points) { return count(Math.round(points)); }

function scaleOf(places) {
  const ends = places.flatMap(({ low, high }) => [low, high]).filter((end) => end !== null);
  const [least, most] = [Math.min(MIDDLE, ...ends), Math.max(MIDDLE, ...ends)];
  const margin = 0.06 * Math.max(most - least, 50);
  return { at: (points) => (100 * (points - least + margin)) / (most - least + 2 * margin) };
}

// An open end reaches the edge and has no foot there.
function bar({ rating: points, low, high }, scale) {
  const from = low === null ? 0 : scale.at(low);
  const to = high === null ? 100 : scale.at(high);
  const range = h("div", { class: `ts-range${low === null ? " ts-open-left" : ""}${high === null ? " ts-open-right" : ""}` });
  Object.assign(range.style, { left: `${from}%`, width: `${to - from}%` });
  const middle = h("div", { class: "ts-middle" });
  middle.style.left = `${scale.at(MIDDLE)}%`;
  const point = h("div", { class: "ts-point" });
  point.style.left = `${scale.at(points)}%`;
  return h("div", { class: "ts-interval", "aria-hidden": "true" }, middle, low === null && high === null ? null : range, low !== null && high !== null ? point : null);
}

function voteOn({ a, b, level }) {
  return level === "early" ? link(t("leader.vote_on"), `/playground?blind=1&with=${encodeURIComponent(a)}&with=${encodeURIComponent(b)}`, "link") : null;
}

// A line for each contestant: its wins of all votes against the one of the column, ties apart.
export function matrix({ groups, meetings }) {
  const places = groups.flatMap((group) => group.places);
  const head = h("tr", {}, h("th", { scope: "col" }, t("leader.contestant")), places.map(({ title }) => h("th", { scope: "col" }, t("leader.against", { title }))));
  const line = (one) => h("tr", {}, h("th", { scope: "row" }, one.title), places.map((other) => h("td", {}, met(one, other, meetings))));
  return h("div", { class: "ts-scroll", tabindex: "0" }, h("table", { class: "ts-table", id: "win-matrix" }, h("thead", {}, head), h("tbody", {}, places.map(line))));
}

function met(one, other, meetings) {
  if (one === other) return h("span", { class: "ts-soft" }, "·");
  const found = meetings.find(({ a, b }) => (a === one.name && b === other.name) || (b === one.name && a === other.name));
  if (!found) return h("span", { class: "ts-soft" }, "–");
  const { wins, losses, ties, bad } = found;
  const more = [ties ? t("leader.ties_short", { n: count(ties) }) : "", bad ? t("leader.bad_short", { n: count(bad) }) : ""].filter(Boolean).join(", ");
  return [t("leader.won_of", { won: count(found.a === one.name ? wins : losses), of: count(wins + losses) }), more ? h("span", { class: "ts-soft ts-small" }, ` (${more})`) : null];
}
