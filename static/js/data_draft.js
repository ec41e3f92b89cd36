// What a person has chosen so far in the mapping dialog: starts from the worker's guess, gives the mapping to send.

const COMMON = { human: "user", user: "user", prompter: "user", gpt: "assistant", assistant: "assistant", bot: "assistant", model: "assistant", system: "system", tool: "tool", observation: "tool", function: "tool" };
const SPEAKER = ["role", "from", "speaker", "author", "sender"];
const SPOKEN = ["content", "value", "text", "message"];

export class Draft {
  constructor(question) {
    const guess = question.guess ?? {};
    this.asked = question;
    this.target = guess.target ?? "chat";
    this.question = [...(guess.question ?? [])];
    for (const name of ["answer", "system", "text", "chosen", "rejected", "label"]) this[name] = guess[name] ?? null;
    this.kept = { history: guess.history ?? null, tools: guess.tools ?? null, split: guess.split ?? null, held_out: guess.held_out ?? [] };
    this.lists = question.columns.filter(({ kind }) => kind === "list").map(({ name }) => name);
    this.way = guess.messages ? "messages" : "columns";
    this.messages = guess.messages ?? this.lists[0] ?? null;
    this.setMessages(this.messages);
    if (guess.messages) Object.assign(this, { role: guess.role ?? this.role, content: guess.content ?? this.content });
    this.roles = { ...this.#guessed(), ...(guess.roles ?? {}) };
  }

  // Names of a message's fields, as met in the first rows.
  get keys() { return [...new Set(this.#turns().flatMap((turn) => Object.keys(turn)))]; }

  // Names of the speakers, as met in the first rows.
  get speakers() { return [...new Set(this.#turns().map((turn) => turn[this.role]).filter((name) => typeof name === "string"))]; }

  setMessages(name) {
    this.messages = name;
    const { keys } = this;
    this.role = SPEAKER.find((key) => keys.includes(key)) ?? keys[0] ?? "role";
    this.content = SPOKEN.find((key) => keys.includes(key)) ?? keys[1] ?? "content";
    this.roles = this.#guessed();
  }

  // Keeps the order of the file.
  toggle(name, on) {
    const chosen = new Set(this.question);
    chosen[on ? "add" : "delete"](name);
    this.question = this.asked.columns.map((column) => column.name).filter((column) => chosen.has(column));
  }

  get mapping() {
    const listed = this.way === "messages" && this.target !== "text";
    const uses = { chat: listed ? [] : ["answer"], text: ["text"], preference: ["chosen", "rejected"], labelled: ["answer", "label"] }[this.target];
    const mapping = { target: this.target, ...this.kept };
    for (const name of uses) mapping[name] = this[name];
    if (this.target === "text") return { ...mapping, history: null, tools: null };
    if (!listed) return { ...mapping, question: this.question, system: this.system };
    return { ...mapping, history: null, messages: this.messages, role: this.role, content: this.content, roles: Object.fromEntries(Object.entries(this.roles).filter(([, role]) => role)) };
  }

  #guessed() {
    return Object.fromEntries(this.speakers.filter((name) => COMMON[name.toLowerCase()]).map((name) => [name, COMMON[name.toLowerCase()]]));
  }

  #turns() {
    const lists = (this.asked.rows ?? []).map((row) => row?.[this.messages]).filter(Array.isArray);
    return lists.flat().filter((turn) => turn && typeof turn === "object" && !Array.isArray(turn));
  }
}
