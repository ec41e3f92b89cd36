// The strip above the pages around the playground.

import { h } from "./dom.js";
import { t } from "./words.js";

const TABS = [
  ["compare", "/playground"],
  ["conversations", "/conversations"],
  ["questions", "/prompts"],
  ["leaderboard", "/leaderboard"],
  ["safety", "/safety"],
  ["audit", "/audit"],
];

// `current` is one of the names above.
export function playgroundTabs(current) {
  return h("nav", { class: "ts-tabs", "aria-label": t("playground.tabs") },
    TABS.map(([name, href]) => h("a", { href, "aria-current": name === current ? "page" : null }, t(`playground.tab.${name}`))));
}
