// One profile: a form for all it says, or its file as text where that cannot be read.

import { get, post, put } from "./api.js";
import { fill, h } from "./dom.js";
import { button, field, link, notice, problem, tick } from "./parts.js";
import { input, number, select, TOPICS, topicOptions, topicWords } from "./safety_fields.js";
import { drawRules } from "./safety_rules.js";
import { drawTrial } from "./safety_trial.js";
import { t } from "./words.js";

const PROFILES = "/api/v1/safety/profiles";

export async function drawProfile(place, id) {
  let found;
  try { found = await get(`${PROFILES}/${encodeURIComponent(id)}`); } catch (error) {
    fill(place, problem(error.message, error.hint), h("div", { class: "ts-actions" }, link(t("safety.back"), "/safety")));
    return;
  }
  if (found.profile) form(place, found);
  else asFile(place, found, found.faults);
}

function form(place, found) {
  const told = structuredClone(found.profile);
  const top = h("div", { role: "alert" });
  const parts = [identity(told), spoken(told), topics(told), disclaimers(told), rules(told), classifier(told)];
  const trial = h("section", { class: "ts-card" });
  const save = async () => {
    fill(top);
    for (const old of place.querySelectorAll(".ts-fault")) old.remove();
    try {
      await put(`${PROFILES}/${found.id}`, { profile: told });
      notice(t("safety.saved", { name: told.name }));
    } catch (error) { complain(place, top, error); }
  };
  const copy = async () => {
    const made = await post(PROFILES, { profile: { ...told, name: t("safety.copy_of", { name: told.name }) } });
    location.href = `/safety?profile=${made.id}`;
  };
  const fixed = h("fieldset", { class: "ts-fieldset", disabled: found.shipped }, h("legend", { class: "ts-hidden" }, found.name), parts);
  const actions = () => h("div", { class: "ts-actions" }, found.shipped ? button(t("safety.copy"), copy, { kind: "primary" }) : button(t("safety.save"), save, { kind: "primary" }),
    found.shipped ? null : button(t("safety.as_file"), () => asFile(place, found, [])), link(t("safety.export"), `${PROFILES}/${found.id}/file`), link(t("safety.back"), "/safety"));
  fill(place, h("h2", {}, found.name), found.shipped ? h("p", { class: "ts-warning" }, t("safety.fixed")) : null, actions(), top, fixed, h("section", { class: "ts-card" }, actions()), trial);
  drawTrial(trial, [], () => told);
}

// A mistake stands below its field; what has no field, above the form.
function complain(place, top, error) {
  const homeless = [];
  for (const fault of error.faults ?? []) {
    const control = place.querySelector(`[data-field="${CSS.escape(fault.field)}"]`) ?? place.querySelector(`[data-field="${CSS.escape(fault.field.replace(/\.\d+$/, ""))}"]`);
    if (!control) { homeless.push(`${fault.field}: ${fault.message}`); continue; }
    control.closest("details")?.setAttribute("open", "");
    control.after(h("p", { class: "ts-error ts-fault" }, fault.message));
  }
  fill(top, problem(error.message, homeless.join(" ") || (error.faults?.length ? t("safety.see_below") : error.hint)));
  top.scrollIntoView({ block: "nearest" });
}

function asFile(place, found, faults) {
  const text = h("textarea", { id: "profile-yaml", rows: "28", spellcheck: "false", class: "ts-code" });
  text.value = found.yaml;
  const top = h("div", { role: "alert" });
  const said = (list) => (list.length ? problem(t("safety.broken", { file: `${found.id}.yaml` }), list.map((fault) => `${fault.field}: ${fault.message}`).join(" ")) : null);
  fill(top, ...[said(faults)].filter(Boolean));
  const save = async () => {
    try {
      await put(`${PROFILES}/${found.id}`, { yaml: text.value });
      location.href = `/safety?profile=${found.id}`;
    } catch (error) { fill(top, error.faults?.length ? said(error.faults) : problem(error.message, error.hint)); }
  };
  fill(place, h("h2", {}, found.name), top, h("section", { class: "ts-card" }, field(t("safety.file"), text, t("safety.file_help")),
    h("div", { class: "ts-actions" }, button(t("safety.save"), save, { kind: "primary" }), link(t("safety.back"), "/safety"))));
}

function section(title, words, ...more) {
  return h("section", { class: "ts-card" }, h("h2", {}, title), words ? h("p", {}, words) : null, more);
}

function identity(told) {
  return section(t("safety.about"), null, h("div", { class: "ts-fields" },
    input(told, "name", "name", t("safety.name"), null),
    select(told, "audience", "audience", t("safety.audience"), t("safety.audience_help"), [["everyone", t("safety.audience.everyone")], ["patient", t("safety.audience.patient")], ["student", t("safety.audience.student")], ["clinician", t("safety.audience.clinician")]]),
    number(told, "ease", "ease", t("safety.ease"), t("safety.ease_help"), { min: "0", max: "100" })),
  input(told, "description", "description", t("safety.description"), t("safety.description_help"), { rows: 2 }),
  input(told, "limits", "limits", t("safety.limits_field"), t("safety.limits_help"), { rows: 5 }));
}

function spoken(told) {
  return section(t("safety.system"), t("safety.system_words"), input(told, "system", "system", t("safety.system_field"), t("safety.system_help"), { rows: 6 }));
}

function topics(told) {
  const line = (name) => {
    let topic = told.topics.find((each) => each.topic === name);
    const known = Boolean(topic);
    topic ??= { topic: name, refer: false, words: "" };
    const keep = () => { if (!told.topics.includes(topic)) told.topics.push(topic); };
    const number = known ? told.topics.indexOf(topic) + 1 : name;
    const words = input(topic, "words", `topics.${number}.words`, t("safety.topic_text"), null, { rows: 3 });
    words.addEventListener("input", keep);
    return h("article", { class: "ts-kind" }, tick(`topic-${name}`, topicWords(name), topic.refer, (on) => { topic.refer = on; keep(); }), words);
  };
  return section(t("safety.topics"), t("safety.topics_words"), TOPICS.map(line));
}

function disclaimers(told) {
  const list = h("div", {});
  const show = () => fill(list, told.disclaimers.map((each, number) => h("article", { class: "ts-kind" },
    select(each, "when", `disclaimers.${number + 1}.when`, t("safety.when"), null, [["always", t("safety.when.always")], ["first", t("safety.when.first")], ...topicOptions("").slice(1)]),
    input(each, "text", `disclaimers.${number + 1}.text`, t("safety.words"), null, { rows: 3 }),
    button(t("safety.remove"), () => { told.disclaimers.splice(number, 1); show(); }, { kind: "link", key: `disclaimer-${number}` }))));
  show();
  return section(t("safety.disclaimers"), t("safety.disclaimers_words"), list,
    h("div", { class: "ts-actions" }, button(t("safety.add_disclaimer"), () => { told.disclaimers.push({ when: "first", text: "" }); show(); })));
}

function rules(told) {
  const list = h("div", {});
  const part = section(t("safety.rules_title"), t("safety.rules_words"), list);
  drawRules(list, told);
  return part;
}

function classifier(told) {
  const place = h("div", {});
  const show = () => {
    const one = told.classifier;
    fill(place, one ? [h("div", { class: "ts-fields" },
      input(one, "folder", "classifier.folder", t("safety.folder"), t("safety.folder_help")),
      input(one, "label", "classifier.label", t("safety.label"), t("safety.label_help")),
      number(one, "threshold", "classifier.threshold", t("safety.threshold"), t("safety.threshold_help"), { min: "0.01", max: "1", step: "0.01" }),
      select(one, "side", "classifier.side", t("safety.side"), null, [["input", t("safety.side.input")], ["output", t("safety.side.output")], ["both", t("safety.side.both")]]),
      select(one, "action", "classifier.action", t("safety.action"), null, [["warn", t("safety.do.warn")], ["note", t("safety.do.note")], ["block", t("safety.do.block")], ["notice", t("safety.do.notice")]])),
    input(one, "words", "classifier.words", t("safety.words"), null, { rows: 2 })] : []);
  };
  show();
  const has = tick("has-classifier", t("safety.has_classifier"), Boolean(told.classifier), (on) => {
    told.classifier = on ? { folder: "", label: "", threshold: 0.5, side: "both", action: "warn", words: "" } : null;
    show();
  });
  return section(t("safety.classifier"), t("safety.classifier_words"), has, place);
}
