// The leaderboard: ratings with their intervals, who met whom, votes as data, and the votes themselves.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { drawData } from "./leaderboard_data.js";
import { matrix, ratings } from "./leaderboard_ratings.js";
import { drawVotes } from "./leaderboard_votes.js";
import { choice, empty, field, link, tick } from "./parts.js";
import { playgroundTabs } from "./playground_tabs.js";
import { t } from "./words.js";

export async function draw(root) {
  const page = new Leaderboard(root);
  await page.look();
}

class Leaderboard {
  constructor(root) {
    this.wanted = { prompt_set: "", person: "", since: "", until: "", blind: "" };
    this.filters = h("section", { class: "ts-card", "aria-label": t("leader.filters") });
    this.board = h("div", { id: "leaderboard", "aria-live": "polite" });
    this.data = h("div", {});
    this.votes = h("div", {});
    fill(root, playgroundTabs("leaderboard"), this.filters, this.board, this.data, this.votes);
  }

  // What is asked for in the address of each request; days are those of the person's own clock, the last one included.
  get query() {
    const { since, until, ...rest } = this.wanted;
    const asked = new URLSearchParams(Object.entries(rest).filter(([, value]) => value));
    if (since) asked.set("since", new Date(`${since}T00:00`).toISOString());
    if (until) {
      const end = new Date(`${until}T00:00`);
      end.setDate(end.getDate() + 1);
      asked.set("until", end.toISOString());
    }
    return asked.toString();
  }

  async look() {
    const asked = this.query;
    const found = await get(`/api/v1/leaderboard?${asked}`);
    if (asked !== this.query) return; // other votes are wanted meanwhile
    if (!this.filters.childElementCount) fill(this.filters, this.#filters(found));
    this.filters.hidden = !found.persons.length;
    fill(this.board, found.groups.length ? this.#board(found) : this.#nothing(found));
    await Promise.all([drawData(this.data, asked, found.groups[0]?.places[0].name), drawVotes(this.votes, asked, () => this.look())]);
  }

  #filters({ sets, persons }) {
    const changed = (name) => (value) => { this.wanted[name] = value; return this.look(); };
    const day = (name, label) => {
      const input = h("input", { type: "date", id: `leader-${name}` });
      input.addEventListener("change", () => changed(name)(input.value));
      return field(label, input);
    };
    return [
      h("div", { class: "ts-fields" },
        field(t("leader.set"), choice("leader-set", [["", t("leader.any_set")], ...sets], "", changed("prompt_set"))),
        persons.length > 1 ? field(t("leader.person"), choice("leader-person", [["", t("leader.anybody")], ...persons.map((name) => [name, name])], "", changed("person"))) : null,
        day("since", t("leader.since")), day("until", t("leader.until"))),
      tick("leader-blind", t("leader.blind"), false, (on) => changed("blind")(on ? "true" : "")),
    ];
  }

  #nothing({ persons }) {
    if (persons.length) return h("section", { class: "ts-card" }, h("p", {}, t("leader.none_wanted")));
    return empty(t("leader.empty.title"), t("leader.empty.words"), link(t("leader.vote"), "/playground?blind=1", "primary"));
  }

  #board(found) {
    const told = [t("leader.votes_count", { n: count(found.votes) }), found.bad ? t("leader.bad_count", { n: count(found.bad) }) : "", found.left_out ? t("leader.left_out", { n: count(found.left_out) }) : ""];
    return [
      ...found.groups.map((group, index) => h("section", { class: "ts-card" }, h("h2", {}, index ? t("leader.apart") : t("leader.ratings")), ratings(group, index))),
      h("p", { class: "ts-soft", id: "leader-counted" }, told.filter(Boolean).join(" ")),
      h("section", { class: "ts-card" }, h("h2", {}, t("leader.matrix")), h("p", { class: "ts-soft" }, t("leader.matrix_words")), matrix(found)),
    ];
  }
}
