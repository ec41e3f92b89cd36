// What the audit trail keeps of a question, and for how long.

import { get, put } from "./api.js";
import { fill, h } from "./dom.js";
import { button, choice, field, notice } from "./parts.js";
import { t } from "./words.js";

const PROMPTS = ["stored", "hashed", "left_out"];

export async function drawRules(root, changed) {
  const rules = await get("/api/v1/audit/settings");
  const help = h("p", { class: "ts-soft ts-small" });
  const prompts = choice("audit-prompts", PROMPTS.map((way) => [way, t(`audit.prompts.${way}`)]), rules.prompts, (way) => fill(help, t(`audit.prompts.${way}_words`)));
  const days = h("input", { id: "audit-days", type: "number", min: "1", max: "36500", step: "1", value: rules.days ? String(rules.days) : "" });
  const sure = h("div", {});
  const save = async () => {
    const wanted = { prompts: prompts.value, days: days.value ? Number(days.value) : null };
    await put("/api/v1/audit/settings", wanted);
    notice(t("audit.saved"));
    await Promise.all([drawRules(root, changed), changed()]);
  };
  const ask = () => (isShorter(rules.days, days.value) ? fill(sure, confirmation(days.value, save)) : save());
  for (const input of [prompts, days]) input.addEventListener("input", () => fill(sure));
  fill(help, t(`audit.prompts.${rules.prompts}_words`));
  fill(root, h("h2", {}, t("audit.rules")),
    h("div", { class: "ts-fields" }, h("div", {}, field(t("audit.prompts"), prompts), help), field(t("audit.days"), days, t("audit.days_words"))),
    h("div", { class: "ts-actions" }, button(t("audit.save"), ask, { key: "audit-save" })), sure);
}

function isShorter(before, after) { return Boolean(after) && (before === null || Number(after) < before); }

// What is removed does not come back, so that a word has to be typed.
function confirmation(days, act) {
  const typed = h("input", { id: "audit-word", type: "text", autocomplete: "off" });
  const go = button(t("audit.shorten"), act, { kind: "danger", key: "audit-shorten", disabled: true });
  typed.addEventListener("input", () => { go.disabled = typed.value.trim().toLowerCase() !== t("audit.word"); });
  return [h("p", {}, t("audit.shorten_words", { days })), h("div", { class: "ts-field" }, h("label", { for: "audit-word" }, t("audit.type", { word: t("audit.word") })), typed), h("div", { class: "ts-actions" }, go)];
}
