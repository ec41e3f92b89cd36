// Which base model a question is about: chosen once on any page of a dataset, and remembered.

import { get, parameter } from "./api.js";
import { h } from "./dom.js";
import { choice, empty, field, link, tick } from "./parts.js";
import { t } from "./words.js";

const KEPT = "looked-at";
export const USUAL_LENGTH = 512;

// What was chosen last: base model, longest example in tokens, whether answers alone are learned.
export function chosen() {
  try { return { length: USUAL_LENGTH, responseOnly: true, ...JSON.parse(localStorage.getItem(KEPT)) }; } catch { return { length: USUAL_LENGTH, responseOnly: true }; }
}

export function remember(change) { localStorage.setItem(KEPT, JSON.stringify({ ...chosen(), ...change })); }

// The base models that are ready, and the one to look through first.
export async function readyModels() {
  const models = (await get("/api/v1/models")).filter(({ status }) => status === "ready");
  const wanted = [parameter("model"), chosen().model].find((id) => models.some((model) => model.id === id));
  return { models, model: wanted ?? models[0]?.id ?? null };
}

export function noModel() {
  return empty(t("length.no_model"), t("length.no_model_words"), link(t("models.add"), "/models", "primary"));
}

export function picker({ models, model }, changed) {
  const pick = (change) => { remember(change); changed(); };
  return h("div", { class: "ts-fields" },
    field(t("length.model"), choice("look-model", models.map(({ id, name }) => [id, name]), model, (id) => pick({ model: id }))),
    tick("look-answers", t("length.answers_only"), chosen().responseOnly, (on) => pick({ responseOnly: on })));
}
