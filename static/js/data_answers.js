// Answers written by a larger model: who is asked, and how.

import { h } from "./dom.js";
import { choice, field, link, tick } from "./parts.js";
import { count } from "./format.js";
import { t } from "./words.js";

const LONGEST = 512;

// The form's fields and what makes the operation of them; without a model there is nothing to make.
export function answersFields(dataset, voices) {
  if (!voices.length) return { fields: [h("p", {}, t("answers.no_model")), h("div", { class: "ts-actions" }, link(t("answers.models"), "/models"))], operation: null };
  const voice = choice("answers-voice", voices.map(({ name, title, kind, base_title: base }) => [name, kind === "base" ? title : t("answers.on", { title, base })]));
  const existing = choice("answers-existing", [["replace", t("answers.replace")], ["keep", t("answers.keep")]]);
  const longest = h("input", { type: "number", id: "answers-longest", value: String(LONGEST), min: "1", max: "8192" });
  const temperature = h("input", { type: "number", id: "answers-temperature", value: "0", min: "0", max: "2", step: "0.1" });
  const seed = h("input", { type: "number", id: "answers-seed", value: "1", min: "0" });
  const system = h("textarea", { id: "answers-system", rows: "3", maxlength: "20000" });
  const cutOff = { kept: false };
  const fields = [
    h("p", { class: "ts-soft" }, t(dataset.target === "text" ? "answers.texts" : "answers.words", { n: count(dataset.rows_good) })),
    h("div", { class: "ts-fields" }, field(t("answers.voice"), voice, t("answers.voice_help")),
      dataset.target === "chat" ? field(t("answers.existing"), existing, t("answers.existing_help")) : null),
    h("div", { class: "ts-fields" }, field(t("answers.longest"), longest, t("answers.longest_help")), field(t("answers.temperature"), temperature, t("answers.temperature_help")),
      field(t("answers.seed"), seed, t("answers.seed_help"))),
    field(t("answers.system"), system, t("answers.system_help")),
    h("div", { class: "ts-ticks" }, tick("answers-keep_cut_off", t("answers.cut_off"), false, (on) => { cutOff.kept = on; })),
  ];
  const operation = () => ({
    kind: "answers", voice: voice.value, existing: existing.value, longest: Number(longest.value), temperature: Number(temperature.value),
    seed: Number(seed.value), system: system.value, keep_cut_off: cutOff.kept,
  });
  return { fields, operation };
}
