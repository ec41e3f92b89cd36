// One side's answer to one question: as it is written, what was found out about it, and what a person thinks of it.

import { patch } from "./api.js";
import { fill, h } from "./dom.js";
import { button, notice } from "./parts.js";
import { rendered } from "./markdown.js";
import { stream } from "./stream.js";
import { t } from "./words.js";
import { keepExchange } from "./written.js";

const MARKS = ["good", "bad"];
const EXPERT_MARKS = ["pass", "fail", "harmful"];
const ENDS = ["stop", "length", "cancelled", "error", "content_filter"];

export class Answer {
  // `asked` is the round and `side` one of its sides, as the studio tells them; `path` is the side's address.
  constructor(asked, side, path) {
    this.asked = asked;
    this.path = path;
    this.stopping = null;
    this.title = h("h3", { class: "ts-answer-who" });
    this.text = h("div", { class: "ts-text", dir: "auto" });
    this.foot = h("p", { class: "ts-soft ts-small ts-foot" });
    this.notes = h("div", { class: "ts-answer-notes" });
    this.tools = h("div", { class: "ts-tools" });
    this.more = h("div", {});
    this.element = h("section", { class: "ts-answer ts-assistant" }, this.title, this.text, this.foot, this.notes, this.tools, this.more);
    this.show(side);
  }

  // Shows what is kept of this side; who it is, once that may be said.
  show(side) {
    this.side = side;
    this.name = side.title ?? t("blind.side", { label: side.label });
    this.title.textContent = side.title && this.asked.sides.length > 1 ? `${side.label} · ${side.title}` : this.name;
    this.element.setAttribute("aria-label", this.name);
    if (this.stopping) return;
    if (side.answer) this.#told(side.answer); else this.#silent();
  }

  // Lets the side answer, anew where it has; ends when it has, stopped or not.
  async ask(shared) {
    this.stopping = new AbortController();
    shared?.addEventListener("abort", () => this.stopping?.abort());
    this.side = { ...this.side, answer: null };
    fill(this.text);
    fill(this.notes);
    fill(this.more);
    fill(this.foot, t("chat.thinking"));
    fill(this.tools, button(t("chat.stop_one"), () => this.stopping?.abort(), { kind: "link" }));
    this.element.classList.add("ts-writing");
    this.element.setAttribute("aria-busy", "true");
    const written = { text: "", ended: "stop", facts: {}, corrected: null, mark: null, note: null };
    try {
      Object.assign(written, await stream(`${this.path}/answer`, this.stopping.signal, (piece) => { written.text += piece; this.text.append(piece); }));
    } catch (error) {
      const stopped = error.name === "AbortError";
      Object.assign(written, { ended: stopped ? "cancelled" : "error", facts: stopped ? {} : { error: inWords(error) } });
    }
    this.stopping = null;
    this.element.classList.remove("ts-writing");
    this.element.removeAttribute("aria-busy");
    this.side = { ...this.side, answer: written };
    this.#told(written);
  }

  #silent() {
    fill(this.text);
    fill(this.foot, t("chat.unanswered"));
    fill(this.tools, this.#again());
  }

  #told(answer) {
    fill(this.text, rendered(answer.text));
    fill(this.foot, summary(answer));
    fill(this.notes, notes(answer.facts), answer.corrected ? corrected(answer.corrected) : null);
    this.#drawTools();
  }

  #drawTools() {
    const { answer } = this.side;
    const said = answer.text.trim();
    fill(this.tools,
      said ? button(t("chat.copy"), () => this.#copy(), { kind: "link" }) : null,
      said ? MARKS.map((mark) => this.#marking(mark)) : null,
      this.#again(),
      said ? h("details", { class: "ts-answer-more" }, h("summary", {}, t("chat.more")),
        h("div", { role: "group", "aria-label": t("mark.expert") }, EXPERT_MARKS.map((mark) => this.#marking(mark))),
        button(t("chat.correct"), () => this.#correct(), { kind: "link" }),
        button(t("chat.keep"), () => this.#keep(), { kind: "link" })) : null);
  }

  // Only the newest question is asked again: what came after it stood on the answer.
  #again() { return this.isLast?.() ? button(t("chat.again"), () => this.again(), { kind: "link" }) : null; }

  #marking(mark) {
    const pressed = button(t(`mark.${mark}`), () => this.#judge({ mark: this.side.answer.mark === mark ? null : mark }), { kind: "link" });
    pressed.setAttribute("aria-pressed", String(this.side.answer.mark === mark));
    pressed.dataset.mark = mark;
    return pressed;
  }

  async #judge(values) {
    const judged = await patch(this.path, values);
    Object.assign(this.side.answer, { mark: judged.answer.mark, corrected: judged.answer.corrected });
    for (const pressed of this.tools.querySelectorAll("[data-mark]")) pressed.setAttribute("aria-pressed", String(pressed.dataset.mark === judged.answer.mark));
    fill(this.notes, notes(this.side.answer.facts), judged.answer.corrected ? corrected(judged.answer.corrected) : null);
  }

  #correct() {
    const { answer } = this.side;
    const text = h("textarea", { rows: "5", dir: "auto", "aria-label": t("chat.corrected") });
    text.value = answer.corrected ?? answer.text;
    const close = () => fill(this.more);
    const save = async (value) => { await this.#judge({ corrected: value }); close(); };
    fill(this.more, h("div", { class: "ts-editor" }, text, h("div", { class: "ts-actions" },
      button(t("chat.correct_save"), () => save(text.value.trim() || null), { kind: "primary" }),
      answer.corrected ? button(t("chat.correct_drop"), () => save(null)) : null,
      button(t("chat.cancel"), close, { kind: "link" }))));
    text.focus();
  }

  // The exchange goes into the table of examples, where it can be corrected before it becomes data.
  #keep() {
    const { answer } = this.side;
    const count = keepExchange(this.asked.prompt, answer.corrected ?? answer.text, this.asked.system);
    notice(t("chat.kept", { n: count }), { look: [t("chat.kept_look"), "/data?write=1"] });
  }

  async #copy() {
    const { text } = this.side.answer;
    if (navigator.clipboard) await navigator.clipboard.writeText(text); else copyByHand(text);
    notice(t("chat.copied"));
  }
}

// Where the studio itself is gone, browsers say "Failed to fetch" or "network error".
function inWords(error) { return error instanceof TypeError ? t("connection.lost") : error.message; }

// Browsers give the clipboard to secure addresses only; a studio in one's own network is none.
function copyByHand(text) {
  const area = h("textarea", { class: "ts-hidden", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function summary({ ended, facts, text }) {
  if (ended === "error") return [h("span", { class: "ts-error", role: "alert" }, facts.error ?? t("chat.end.error"))];
  const words = [
    facts.tokens ? t("chat.tokens", { n: facts.tokens }) : "",
    facts.tokens_per_second ? t("chat.speed", { n: facts.tokens_per_second.toFixed(1) }) : "",
    ENDS.includes(ended) ? t(`chat.end.${ended}`) : ended,
    !text.trim() && ["stop", "length"].includes(ended) ? t("chat.said_nothing") : "",
    facts.cached ? t("chat.cached") : "",
    facts.profile ? t("chat.profile", { name: facts.profile_name ?? facts.profile }) : "",
    ease(facts.readability),
    facts.note ?? "",
  ];
  return [words.filter(Boolean).join(" · ")];
}

// Told, not enforced: how easy the answer is to read, beside what its readers need.
function ease(readability) {
  if (typeof readability?.ease !== "number") return "";
  const told = { ease: readability.ease.toFixed(0), target: readability.target ?? 0 };
  return readability.target ? t("chat.ease_meant", told) : t("chat.ease", told);
}

// What a rule puts into the answer stands there already: here is which rule it was. A warning stands here only, and
// before a blind vote the words alone.
function notes(facts) {
  const verdicts = (facts.verdicts ?? []).filter(({ rule }) => rule !== "disclaimer");
  return [
    facts.dropped_turns ? h("p", { class: "ts-note ts-small" }, t("chat.dropped", { n: facts.dropped_turns })) : null,
    verdicts.map(({ action, title, words }) => h("p", { class: "ts-verdict-note ts-small", "data-action": action }, t("chat.verdict"), title ? ` ${title}. ` : " ", action === "warn" || !title ? words : null)),
  ];
}

function corrected(text) {
  return h("div", { class: "ts-corrected" }, h("span", { class: "ts-role" }, t("chat.corrected")), h("p", { dir: "auto" }, text));
}
