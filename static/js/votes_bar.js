// Which answer is better? Buttons and number keys, a reason and marks if wished; the names come with the vote.

import { post, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { button, choice, field } from "./parts.js";
import { t } from "./words.js";

const MARKS = [["pass", "mark.pass"], ["fail", "mark.fail"], ["harmful", "mark.harmful"]];

// `sides`: of the round, each with `side` and `label` (A, B); those to choose among. `voted` is handed what the studio
// answers: the votes, and in `sides` who stood where. The number keys count wherever nothing is being typed.
export function voteBar({ conversation, round, sides, blind = false, voted = () => {} }) {
  return new VoteBar(conversation?.id ?? conversation, round?.number ?? round, sides, blind, voted).element;
}

class VoteBar {
  constructor(conversation, number, sides, blind, voted) {
    Object.assign(this, { conversation, number, sides, blind, voted });
    this.choices = this.#choices();
    this.buttons = this.choices.map(({ words, values }, index) => this.#button(words, values, index + 1));
    this.reason = h("textarea", { rows: "2", id: `vote-reason-${number}`, maxlength: "4000" });
    this.marks = sides.map(({ side, label }) => [side, choice(`vote-mark-${number}-${side}`, [["", t("vote.unmarked")], ...MARKS.map(([mark, words]) => [mark, t(words)])]), label]);
    this.said = h("p", { role: "status", class: "ts-vote-said" });
    this.element = h("section", { class: "ts-card ts-vote", "aria-label": t("vote.title") },
      h("h3", {}, t("vote.title")), blind ? h("p", { class: "ts-soft ts-small" }, t("vote.blind")) : null,
      h("div", { class: "ts-actions ts-vote-choices", role: "group", "aria-label": t("vote.title") }, this.buttons), this.said,
      h("details", {}, h("summary", {}, t("vote.more")), field(t("vote.reason"), this.reason),
        h("div", { class: "ts-fields" }, this.marks.map(([, select, label]) => field(t("vote.mark", { name: label }), select)))));
    this.keys = (event) => this.#key(event);
    document.addEventListener("keydown", this.keys);
  }

  // Of two the one or the other is better; of more one is the best.
  #choices() {
    const [first, second] = this.sides;
    if (this.sides.length > 2) {
      const best = this.sides.map(({ side, label }) => ({ words: t("vote.best", { name: label }), values: { outcome: "best", best: side } }));
      return [...best, { words: t("vote.all_alike"), values: { outcome: "tie" } }, { words: t("vote.all_bad"), values: { outcome: "bad" } }];
    }
    const pair = { side_a: first.side, side_b: second.side };
    return [[t("vote.better", { name: first.label }), "a"], [t("vote.better", { name: second.label }), "b"], [t("vote.tie"), "tie"], [t("vote.bad"), "bad"]]
      .map(([words, outcome]) => ({ words, values: { ...pair, outcome } }));
  }

  #button(words, values, key) {
    const made = button(words, () => this.#vote(made, values), { key: `vote-${key}` });
    made.append(" ", h("kbd", { "aria-hidden": "true" }, String(key)));
    made.setAttribute("aria-keyshortcuts", String(key));
    made.setAttribute("aria-pressed", "false");
    return made;
  }

  #key(event) {
    if (!this.element.isConnected) return void (this.element.dataset.shown && document.removeEventListener("keydown", this.keys));
    this.element.dataset.shown = "yes";
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    const wanted = this.buttons[Number(event.key) - 1];
    if (!wanted || wanted.disabled) return;
    event.preventDefault();
    wanted.click();
  }

  async #vote(pressed, values) {
    this.#rest(true);
    try {
      const path = this.sides.length > 2 ? "/api/v1/votes/all" : "/api/v1/votes";
      const marks = Object.fromEntries(this.marks.filter(([, select]) => select.value).map(([side, select]) => [side, select.value]));
      const named = await post(path, { conversation_id: this.conversation, number: this.number, reason: this.reason.value, marks, ...values });
      document.removeEventListener("keydown", this.keys);
      for (const each of this.buttons) each.setAttribute("aria-pressed", String(each === pressed));
      this.#say(named);
      this.voted(named);
    } finally {
      this.#rest(false);
    }
  }

  #rest(resting) { for (const each of this.buttons) each.disabled = resting; }

  #say(named) {
    const title = (side) => named.sides.find((one) => one.side === side)?.title ?? "";
    const who = this.blind ? this.sides.map(({ side, label }) => t("vote.was", { name: label, title: title(side) })).join(" ") : "";
    const back = async () => {
      for (const { id } of named.votes) await remove(`/api/v1/votes/${id}`);
      for (const each of this.buttons) each.setAttribute("aria-pressed", "false");
      fill(this.said, t("vote.taken_back"));
    };
    fill(this.said, `${t("vote.noted")} ${who} `, button(t("vote.take_back"), back, { kind: "link" }));
  }
}

function typing(element) { return element.matches?.("textarea, select, [contenteditable='true'], input:not([type=checkbox], [type=radio], [type=range])"); }
