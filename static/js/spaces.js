// What takes space: the saved states of all runs, and what ended ones do not need, deleted at once.

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { bytes, count } from "./format.js";
import { button, chip, notice, tick } from "./parts.js";
import { t } from "./words.js";

export async function draw(root) {
  const found = await get("/api/v1/saved-states");
  const total = found.reduce((sum, space) => sum + space.bytes, 0);
  const chosen = new Set(found.filter((space) => space.freeable).map((space) => space.run_id));
  const going = h("div", {});
  const freed = () => found.filter((space) => chosen.has(space.run_id)).reduce((sum, space) => sum + space.freeable, 0);
  const choose = (space) => (ticked) => { if (ticked) chosen.add(space.run_id); else chosen.delete(space.run_id); offer(); };
  const offer = () => fill(going, freed() ? confirmation(freed(), () => clean(root, [...chosen])) : h("p", { class: "ts-soft" }, t("spaces.nothing")));
  fill(root, h("section", { class: "ts-card" },
    h("h2", {}, t("spaces.title")),
    h("p", {}, found.length ? t("spaces.total", { n: count(found.length), size: bytes(total) }) : t("spaces.none")),
    found.length ? h("div", { class: "ts-scroll" }, table(found, choose)) : null,
    found.length ? going : null));
  offer();
}

function table(found, choose) {
  const titles = [t("spaces.run"), t("spaces.status"), t("spaces.states"), t("saved.size"), t("spaces.freeable")];
  const rows = found.map((space) => h("tr", {},
    h("th", { scope: "row" }, space.freeable ? tick(`space-${space.run_id}`, space.name, true, choose(space)) : h("a", { href: `/run?run=${space.run_id}` }, space.name)),
    h("td", {}, chip(space.status)), h("td", {}, count(space.count)), h("td", {}, bytes(space.bytes)), h("td", {}, space.freeable ? bytes(space.freeable) : "–")));
  return h("table", { class: "ts-table" }, h("thead", {}, h("tr", {}, titles.map((words) => h("th", { scope: "col" }, words)))), h("tbody", {}, rows));
}

// What is deleted does not come back, so that a word has to be typed.
function confirmation(size, act) {
  const typed = h("input", { id: "spaces-word", type: "text", autocomplete: "off" });
  const go = button(t("spaces.go", { size: bytes(size) }), act, { kind: "danger", key: "spaces-go", disabled: true });
  typed.addEventListener("input", () => { go.disabled = typed.value.trim().toLowerCase() !== t("spaces.word"); });
  return [h("p", { class: "ts-soft" }, t("spaces.what")), h("div", { class: "ts-field" }, h("label", { for: "spaces-word" }, t("spaces.type", { word: t("spaces.word") })), typed), h("div", { class: "ts-actions" }, go)];
}

async function clean(root, run_ids) {
  const freed = await post("/api/v1/saved-states/clean", { run_ids });
  notice(t("spaces.done", { size: bytes(freed.bytes) }));
  await draw(root);
}
