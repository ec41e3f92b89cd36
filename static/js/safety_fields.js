// Fields of a profile's form: each writes into the part of the profile that it is about.

import { h } from "./dom.js";
import { choice, field } from "./parts.js";
import { t } from "./words.js";

export const TOPICS = ["diagnosis", "dosage", "self-harm", "emergencies"];

// A text's lines without blank ones.
export function lines(text) {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

// A control whose value goes into `told[name]` as it is typed.
export function input(told, name, place, label, help, { rows = 0, list = false } = {}) {
  const control = h(rows ? "textarea" : "input", { id: `p-${place.replaceAll(".", "-")}`, "data-field": place, dir: "auto", ...(rows ? { rows: String(rows) } : { type: "text" }) });
  control.value = list ? (told[name] ?? []).join("\n") : (told[name] ?? "");
  control.addEventListener("input", () => { told[name] = list ? lines(control.value) : control.value; });
  return field(label, control, help);
}

export function select(told, name, place, label, help, options) {
  const control = choice(`p-${place.replaceAll(".", "-")}`, options, told[name] ?? "", (value) => { told[name] = value || null; });
  control.dataset.field = place;
  return field(label, control, help);
}

export function number(told, name, place, label, help, { min, max, step = "1" }) {
  const control = h("input", { type: "number", id: `p-${place.replaceAll(".", "-")}`, min, max, step, "data-field": place });
  control.value = told[name] ?? "";
  control.addEventListener("input", () => { told[name] = control.value === "" ? null : Number(control.value); });
  return field(label, control, help);
}

export function topicWords(name) {
  const words = { diagnosis: t("safety.topic.diagnosis"), dosage: t("safety.topic.dosage"), "self-harm": t("safety.topic.self_harm"), emergencies: t("safety.topic.emergencies") };
  return words[name] ?? name;
}

export function topicOptions(none) {
  return [["", none], ...TOPICS.map((name) => [name, topicWords(name)])];
}
