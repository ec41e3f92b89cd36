// Draws one normalised row as people talk: bubbles, two answers side by side, or one answer with its mark.

import { h } from "./dom.js";
import { t } from "./words.js";

const ROLES = { user: "role.user", assistant: "role.assistant", system: "role.system", tool: "role.tool", text: "role.text" };
export const LONG = 1200;

export function bubbles(row, { learned = true } = {}) {
  if (row.messages) return [turns(row.messages, learned), tools(row.tools)];
  if (row.text !== undefined) return turns([{ role: "text", content: row.text }], false);
  if (row.chosen) return [turns(row.prompt, false), pair(row), tools(row.tools)];
  return [turns(row.prompt, false), judged(row)];
}

export function turns(messages, learned) {
  return messages.map((message) => bubble(message, learned && message.role === "assistant" && message.weight === 0 ? t("rows.not_learned") : null));
}

function bubble(message, note) {
  const said = ROLES[message.role] ? t(ROLES[message.role]) : message.role;
  const role = [message.name ? `${said} (${message.name})` : said, note].filter(Boolean).join(" · ");
  return h("div", { class: `ts-bubble ts-${message.role}${note ? " ts-unlearned" : ""}` }, h("span", { class: "ts-role" }, role),
    message.content ? long(message.content) : null, (message.tool_calls ?? []).map(call));
}

// A long text shows its beginning; the rest is one press away.
function long(text) {
  if (text.length <= LONG) return h("p", { dir: "auto" }, text);
  const words = h("p", { dir: "auto" }, `${text.slice(0, LONG)}…`);
  const more = h("button", { class: "ts-more", type: "button", onclick: () => { words.textContent = text; more.remove(); } }, t("rows.more", { n: (text.length - LONG).toLocaleString("en") }));
  return [words, more];
}

function call(asked) {
  const { name, arguments: given } = asked.function ?? asked;
  return h("pre", { class: "ts-call" }, `${name}(${typeof given === "string" ? given : JSON.stringify(given ?? {})})`);
}

function tools(offered) {
  if (!offered?.length) return null;
  const names = offered.map((tool) => (tool.function ?? tool).name ?? "").filter(Boolean);
  return h("p", { class: "ts-soft ts-small" }, t("rows.tools", { names: names.join(", ") }));
}

function pair(row) {
  const side = (words, sign, kind, messages) => h("div", { class: `ts-side ts-${kind}` }, h("p", { class: "ts-verdict" }, `${sign} ${words}`), turns(messages, false));
  return h("div", { class: "ts-sides" }, side(t("rows.better"), "✓", "better", row.chosen), side(t("rows.worse"), "×", "worse", row.rejected));
}

function judged(row) {
  const verdict = row.label ? `👍 ${t("rows.label_good")}` : `👎 ${t("rows.label_bad")}`;
  return h("div", { class: `ts-side ts-${row.label ? "better" : "worse"}` }, h("p", { class: "ts-verdict" }, verdict), turns(row.completion, false));
}

// A row with its number, for lists of examples.
export function example(row, title) {
  return h("article", { class: "ts-conversation" }, title ? h("span", { class: "ts-soft ts-small" }, title) : null, bubbles(row));
}
