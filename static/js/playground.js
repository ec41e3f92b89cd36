// The playground: one question to one to four contestants, answering together; or a blind vote between two.

import { get, parameter, patch, post } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, empty, link, notice, problem, tick } from "./parts.js";
import { Questions } from "./playground_questions.js";
import { Round } from "./playground_round.js";
import { Settings } from "./playground_settings.js";
import { playgroundTabs } from "./playground_tabs.js";
import { Who } from "./playground_who.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

const PATH = "/api/v1/conversations";
const MOST_CHARACTERS = 200000;

export async function draw(root) {
  const [contestants, adapters, instructions, sets] = await Promise.all([get("/api/v1/contestants"), get("/api/v1/adapters"), get("/api/v1/system-prompts"), get("/api/v1/prompt-sets")]);
  if (!contestants.length) return fill(root, playgroundTabs("compare"), empty(t("chat.empty.title"), t("chat.empty.words"), button(t("sample.try"), startSample, { kind: "primary" }), link(t("nav.models"), "/models")));
  const judges = adapters.filter((adapter) => adapter.method === "reward");
  const page = new Playground(root, contestants, instructions, sets);
  page.lay(judges.map(({ name }) => name));
  await page.begin();
}

class Playground {
  constructor(root, contestants, instructions, sets) {
    this.root = root;
    this.rounds = [];
    this.conversation = null;
    this.stopping = null;
    this.settings = new Settings(instructions);
    this.who = new Who(contestants);
    this.prompt = h("textarea", { rows: "3", id: "chat-prompt", dir: "auto", placeholder: t("chat.prompt_hint") });
    this.questions = new Questions(this.prompt, sets, () => this.who.names);
  }

  get path() { return `${PATH}/${this.conversation.id}`; }

  lay(judges) {
    this.said = h("div", { class: "ts-rounds", role: "log", "aria-live": "polite", "aria-label": t("chat.conversation") });
    this.head = h("div", {});
    this.blind = tick("blind", t("blind.switch"), false, (on) => this.#blind(on));
    this.blindWords = h("p", { class: "ts-soft ts-small", hidden: true }, t("blind.words"));
    this.prompt.addEventListener("keydown", (event) => { if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.#typed(); } });
    this.sendButton = button(t("chat.send"), () => this.#typed(), { kind: "primary" });
    this.stopButton = button(t("chat.stop"), () => this.stopping?.abort());
    this.stopButton.disabled = true;
    fill(this.root, playgroundTabs("compare"), this.head,
      h("section", { class: "ts-card", "aria-label": t("chat.contestants") }, h("div", { class: "ts-row ts-between" }, h("h2", {}, t("chat.contestants")), this.blind), this.blindWords, this.who.element,
        judges.length ? h("p", { class: "ts-soft" }, t("chat.judges", { names: judges.join(", ") })) : null),
      this.settings.element, this.said,
      h("section", { class: "ts-card ts-compose" }, this.questions.element, h("label", { for: "chat-prompt" }, t("chat.prompt")), this.prompt,
        h("div", { class: "ts-actions" }, this.sendButton, this.stopButton, button(t("chat.clear"), () => this.#clear()))));
  }

  // Goes on with the conversation in the address, or begins with the contestants in it.
  async begin() {
    const kept = parameter("conversation");
    if (kept) {
      try { return this.#open(await get(`${PATH}/${kept}`)); } catch (error) { fill(this.head, problem(error.message, t("chat.gone_words"))); }
    }
    this.who.show(this.who.first(new URLSearchParams(location.search).getAll("with")), { blind: false });
    this.questions.show(parameter("questions"));
    this.#empty();
    if (parameter("prompt")) this.prompt.value = parameter("prompt");
    if (parameter("blind")) this.blind.querySelector("input").click();
    await this.questions.next();
    this.prompt.focus({ preventScroll: true });
  }

  // Puts a question, in the place of the one with the number `from` and all after it; `gone` is called once it is out: what
  // was typed stays where it cannot go. Ends when all have answered.
  async send(text, gone, from = null) {
    if (this.stopping || this.sending) return;
    const fault = !text.trim() ? t("chat.say_something") : text.length > MOST_CHARACTERS ? t("chat.too_long", { n: count(text.length), most: count(MOST_CHARACTERS) }) : "";
    if (fault) return this.#refused(fault);
    this.sending = true;
    try {
      const asking = { prompt: text, system: this.settings.system.value.trim(), sampling: this.settings.values(), from_round: from };
      await this.#settle(asking);
      this.#add(await post(`${this.path}/rounds`, asking), from);
    } catch (error) {
      return this.#refused(`${error.message} ${error.hint ?? ""}`);
    } finally {
      this.sending = false;
    }
    gone();
    await this.run(this.rounds.at(-1).sides);
  }

  // Lets sides answer together, and says when all have.
  async run(answers) {
    if (this.stopping) return;
    this.stopping = new AbortController();
    this.#rest(true);
    await Promise.all(answers.map((answer) => answer.ask(this.stopping.signal)));
    this.stopping = null;
    this.#rest(false);
    for (const round of this.rounds) round.settle();
  }

  // Two answers can be compared where they follow the same: the first question, or any of a blind conversation.
  canVote(round) {
    const comparable = this.conversation.blind || this.rounds[0] === round;
    return !this.stopping && comparable && !round.told.voted && round.sides.length > 1 && round.isAnswered;
  }

  // The names come with the vote, and the next question.
  async voted(round) {
    const told = await get(this.path);
    round.show(told.rounds.find(({ number }) => number === round.told.number));
    this.conversation = told;
    if (this.who.hidden) this.who.show(told.contestants.map(({ name }) => name), { blind: true });
    await this.questions.next();
    this.prompt.focus({ preventScroll: true });
  }

  async #typed() {
    let isOut = false;
    await this.send(this.prompt.value, () => { isOut = true; this.prompt.value = ""; });
    if (isOut && this.conversation && !this.conversation.blind) await this.questions.next();
  }

  // Begins the conversation with its first question; later ones may have other contestants.
  async #settle({ system, sampling }) {
    const wanted = { ...(this.who.hidden ? {} : { contestants: this.who.names }), prompt_set_id: this.questions.chosen || null };
    if (!this.conversation) {
      this.conversation = await post(PATH, { ...wanted, blind: this.who.blind, system, sampling });
      history.replaceState(null, "", `${location.pathname}?conversation=${this.conversation.id}`);
    } else if (JSON.stringify(wanted) !== this.asked) {
      await patch(this.path, wanted);
    }
    this.asked = JSON.stringify(wanted);
  }

  #add(told, from) {
    if (from !== null) {
      const gone = this.rounds.filter((round) => round.told.number >= from);
      for (const round of gone) round.element.remove();
      this.rounds = this.rounds.filter((round) => !gone.includes(round));
    }
    if (!this.rounds.length) fill(this.said);
    const round = new Round(told, this);
    this.rounds.push(round);
    this.said.append(round.element);
    for (const one of this.rounds) one.settle();
    round.element.scrollIntoView({ block: "start" });
  }

  #open(told) {
    this.conversation = told;
    this.who.show(told.contestants?.map(({ name }) => name) ?? null, { blind: told.blind });
    this.blind.querySelector("input").checked = told.blind;
    this.blindWords.hidden = !told.blind;
    this.settings.system.value = told.system;
    this.settings.fill(told.sampling);
    this.questions.show(told.prompt_set_id);
    fill(this.head, h("p", { class: "ts-soft" }, t("chat.opened", { name: told.name })));
    this.rounds = told.rounds.map((round) => new Round(round, this));
    fill(this.said, this.rounds.map(({ element }) => element));
    for (const round of this.rounds) round.settle();
    this.rounds.at(-1)?.element.scrollIntoView({ block: "start" });
  }

  #blind(on) {
    this.blindWords.hidden = !on;
    this.#clear();
    this.who.show(this.who.names, { blind: on });
  }

  #clear() {
    this.stopping?.abort();
    this.conversation = null;
    this.rounds = [];
    fill(this.head);
    this.#empty();
    if (this.who.hidden) this.who.show(this.who.first([]), { blind: this.who.blind });
    history.replaceState(null, "", location.pathname);
  }

  #empty() { fill(this.said, h("p", { class: "ts-soft ts-waiting" }, t("chat.waiting"))); }

  #refused(words) { notice(words, { bad: true }); }

  #rest(busy) {
    this.sendButton.disabled = busy;
    this.stopButton.disabled = !busy;
    this.blind.querySelector("input").disabled = busy;
    this.who.rest(busy);
  }
}
