// A text tried on a profile: which rules it breaks as a question and as an answer.

import { post } from "./api.js";
import { fill, h } from "./dom.js";
import { button, choice, field, problem } from "./parts.js";
import { t } from "./words.js";

// `profiles` to choose from; or `values`, which returns those of a form that is not saved yet.
export function drawTrial(root, profiles, values = null) {
  const chosen = values ? null : choice("try-profile", profiles.map(({ id, name }) => [id, name]));
  const text = h("textarea", { id: "try-text", rows: "3", maxlength: "20000", dir: "auto" });
  const told = h("div", { role: "status" });
  const check = async () => {
    try {
      const asked = values ? { profile: values() } : { profile_id: chosen.value };
      fill(told, result(await post("/api/v1/safety/try", { ...asked, text: text.value })));
    } catch (error) {
      fill(told, problem(error.message, error.faults?.length ? error.faults.map((fault) => `${fault.field}: ${fault.message}`).join(" ") : error.hint));
    }
  };
  fill(root, h("h2", {}, t("safety.try")), h("p", {}, t("safety.try_words")),
    chosen ? field(t("safety.profile"), chosen) : null, field(t("safety.try_text"), text),
    h("div", { class: "ts-actions" }, button(t("safety.try_check"), check, { kind: "primary" })), told);
}

function result(found) {
  return [
    side(t("safety.as_question"), found.input, found.refusal ? [h("p", { class: "ts-soft ts-small" }, t("safety.refused_with")), bubble(found.refusal)] : null),
    side(t("safety.as_answer"), found.output, [h("p", { class: "ts-soft ts-small" }, t("safety.shown_as")), bubble(found.shown)]),
    found.ease === null ? null : h("p", { class: "ts-soft" }, t("safety.ease_is", { ease: found.ease.toFixed(0) })),
    found.without_classifier ? h("p", { class: "ts-warning" }, t("safety.without_classifier")) : null,
  ];
}

function side(title, found, more) {
  return h("section", {}, h("h3", {}, title),
    found.length ? h("ul", { class: "ts-list" }, found.map(finding)) : h("p", {}, `✓ ${t("safety.no_rule")}`), more);
}

function finding({ title, action, words, text }) {
  return h("li", {}, h("strong", {}, title), ` (${actionWords(action)}): `, h("q", { dir: "auto" }, text), words ? h("p", { class: "ts-soft ts-small" }, words) : null);
}

function bubble(text) {
  return h("div", { class: "ts-bubble" }, h("p", { dir: "auto" }, text));
}

export function actionWords(action) {
  const words = { warn: t("safety.action.warn"), note: t("safety.action.note"), replace: t("safety.action.replace"), block: t("safety.action.block"), notice: t("safety.action.notice") };
  return words[action] ?? action;
}
