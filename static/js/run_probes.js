// What a run answered to its probe prompts: a row a prompt, the original model's answer first, then one column an exam.

import { get } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { count } from "./format.js";
import { t } from "./words.js";

export class Probes {
  constructor(run) {
    this.id = run.id;
    this.place = h("div", {});
    this.element = h("section", { class: "ts-card", hidden: !run.spec.probe_prompts.length }, h("h2", {}, t("probes.title")), h("p", { class: "ts-soft" }, t("probes.lead")), this.place);
  }

  // Reads the answers anew; those that are there stay where they are.
  async look(run) {
    if (!run.spec.probe_prompts.length) return;
    const { prompts, answers } = await get(`/api/v1/runs/${this.id}/probes`);
    fillWhenChanged(this.place, [answers.length, answers.at(-1)?.at, run.best_step, run.status], () => timeline(prompts, answers, run));
  }
}

function timeline(prompts, answers, run) {
  if (!answers.length) return h("p", {}, t(["queued", "starting", "running"].includes(run.status) ? "probes.soon" : "probes.none"));
  const steps = [...new Set(answers.map(({ step }) => step))];
  const given = new Map(answers.map(({ step, prompt, answer }) => [`${step} ${prompt}`, answer]));
  return prompts.map((prompt, number) => h("article", { class: "ts-probe" },
    h("h3", {}, prompt),
    h("ol", { class: "ts-probe-answers", tabindex: "0", "aria-label": t("probes.answers_to", { prompt }) }, steps.map((step, index) => {
      const answer = given.get(`${step} ${number}`);
      const before = given.get(`${steps[index - 1]} ${number}`);
      return h("li", {}, h("strong", {}, titled(step, run)), h("p", { class: answer === undefined ? "ts-soft" : null }, answer === undefined ? t("probes.no_room") : answer || t("probes.nothing")),
        index && answer !== undefined && answer === before ? h("p", { class: "ts-soft ts-small" }, t("probes.unchanged")) : null);
    }))));
}

function titled(step, run) {
  if (!step) return t("probes.before");
  return step === run.best_step ? t("probes.best", { step: count(step) }) : t("probes.after", { step: count(step) });
}
