// One question and its answers side by side; the question can be edited, and two answers can be voted on.

import { fill, h } from "./dom.js";
import { button } from "./parts.js";
import { Answer } from "./playground_answer.js";
import { voteBar } from "./votes_bar.js";
import { t } from "./words.js";

const LONG = 1500; // characters: such a question scrolls

export class Round {
  // `told` is the round as the studio tells it; `page` is the playground that it stands in.
  constructor(told, page) {
    this.page = page;
    this.said = h("div", { class: "ts-bubble ts-user" });
    this.answers = h("div", { class: "ts-answers" });
    this.votes = h("div", { class: "ts-round-votes" });
    this.element = h("section", { class: "ts-round", "aria-label": t("chat.question_n", { n: told.number }) }, this.said, this.answers, this.votes);
    this.told = told;
    this.sides = told.sides.map((side) => new Answer(told, side, `${page.path}/rounds/${told.number}/sides/${side.side}`));
    for (const answer of this.sides) {
      answer.isLast = () => page.rounds.at(-1) === this;
      answer.again = () => page.run([answer]);
    }
    this.answers.style.setProperty("--panes", this.sides.length);
    fill(this.answers, this.sides.map(({ element }) => element));
    this.#say();
  }

  // The same round, told again: after the vote it has names.
  show(told) {
    this.told = told;
    this.sides.forEach((answer, index) => { answer.asked = told; answer.show(told.sides[index]); });
  }

  // What can be done depends on whether it is the last round, and whether all have answered.
  settle() {
    for (const answer of this.sides) answer.show(answer.side);
    const isLast = this.page.rounds.at(-1) === this;
    if (!isLast) fill(this.votes);
    else if (!this.votes.hasChildNodes() && this.page.canVote(this)) fill(this.votes, this.#bar());
  }

  #bar() {
    const { blind, id } = this.page.conversation;
    return voteBar({ conversation: id, round: this.told.number, sides: this.told.sides, blind, voted: () => this.page.voted(this) });
  }

  // All sides have answered something that can be judged.
  get isAnswered() { return this.sides.every(({ side }) => side.answer?.text.trim() && side.answer.ended !== "error"); }

  #say() {
    fill(this.said, h("div", { class: "ts-row ts-between" }, h("span", { class: "ts-role" }, t("role.user")), button(t("chat.edit"), () => this.#edit(), { kind: "link", key: `edit-${this.told.number}` })), h("p", { dir: "auto", tabindex: this.told.prompt.length > LONG ? "0" : null }, this.told.prompt));
  }

  #edit() {
    const later = this.page.rounds.length - this.page.rounds.indexOf(this) - 1;
    const text = h("textarea", { rows: "4", dir: "auto", "aria-label": t("chat.edit_label") });
    text.value = this.told.prompt;
    const send = () => this.page.send(text.value, () => {}, this.told.number);
    fill(this.said, h("div", { class: "ts-editor" }, text, h("p", { class: "ts-small" }, t(later ? "chat.edit_later" : "chat.edit_here", { n: later })), h("div", { class: "ts-actions" },
      button(t("chat.edit_send"), send, { kind: "primary" }),
      button(t("chat.cancel"), () => this.#say(), { kind: "link" }))));
    text.focus();
  }
}
