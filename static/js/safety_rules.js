// The rules of a profile in its form: what is looked for, where, and what is done.

import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button } from "./parts.js";
import { input, lines, select, topicOptions } from "./safety_fields.js";
import { actionWords } from "./safety_trial.js";
import { t } from "./words.js";

export function drawRules(place, told) {
  const list = h("div", {});
  const show = (opened = null) => fill(list, told.rules.map((each, number) => rule(told, each, number, each === opened, show)));
  const add = () => {
    const made = { id: free(told), title: "", topic: null, side: "both", phrases: [], pattern: "", unless: [], action: "warn", words: "" };
    told.rules.push(made);
    show(made);
  };
  show();
  fill(place, list, h("div", { class: "ts-actions" }, button(t("safety.add_rule"), add)));
}

function rule(told, each, number, open, show) {
  const at = `rules.${number + 1}`;
  const title = h("span", {});
  const name = () => { title.textContent = `${each.title || each.id}: ${actionWords(each.action)}`; };
  name();
  const body = h("div", {},
    h("div", { class: "ts-fields" },
      input(each, "title", `${at}.title`, t("safety.rule_title"), null),
      input(each, "id", `${at}.id`, t("safety.rule_id"), t("safety.rule_id_help")),
      select(each, "side", `${at}.side`, t("safety.side"), null, [["input", t("safety.side.input")], ["output", t("safety.side.output")], ["both", t("safety.side.both")]]),
      select(each, "action", `${at}.action`, t("safety.action"), null, [["warn", t("safety.do.warn")], ["note", t("safety.do.note")], ["replace", t("safety.do.replace")], ["block", t("safety.do.block")], ["notice", t("safety.do.notice")]]),
      select(each, "topic", `${at}.topic`, t("safety.topic"), t("safety.topic_help"), topicOptions(t("safety.no_topic")))),
    input(each, "phrases", `${at}.phrases`, t("safety.phrases", { n: count(each.phrases.length) }), t("safety.phrases_help"), { rows: 6, list: true }),
    input(each, "unless", `${at}.unless`, t("safety.unless"), t("safety.unless_help"), { rows: 3, list: true }),
    input(each, "pattern", `${at}.pattern`, t("safety.pattern"), t("safety.pattern_help")),
    input(each, "words", `${at}.words`, t("safety.words"), t("safety.words_help"), { rows: 3 }),
    button(t("safety.remove_rule"), () => { told.rules.splice(number, 1); show(); }, { kind: "link", key: `rule-${number}` }));
  body.addEventListener("input", name);
  body.addEventListener("change", name);
  const details = h("details", { open, "data-field": at }, h("summary", {}, title), body);
  return h("article", { class: "ts-kind" }, details);
}

function free(told) {
  let number = told.rules.length + 1;
  while (told.rules.some((each) => each.id === `rule-${number}`)) number += 1;
  return `rule-${number}`;
}
