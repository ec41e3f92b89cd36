// "Train longer": a small dialog that asks how long a finished run shall learn in all.

import { post } from "./api.js";
import { fill, h } from "./dom.js";
import { count, number } from "./format.js";
import { button, choice, field, problem } from "./parts.js";
import { t } from "./words.js";

// AdaLoRA shares out its room over the whole course; that cannot be made longer.
export function canExtend(run) { return run.status === "finished" && run.spec.adapter !== "adalora"; }

export function extendButton(run, after) {
  return button(t("extend.open"), () => open(run, after), { key: "extend" });
}

function open(run, after) {
  const bySteps = run.spec.max_steps !== null;
  const amount = h("input", { type: "number", id: "extend-amount", min: "0", step: "any", value: String(proposed(run, bySteps)) });
  const unit = choice("extend-unit", [["epochs", t("extend.epochs")], ["max_steps", t("extend.steps")]], bySteps ? "max_steps" : "epochs", (chosen) => { amount.value = String(proposed(run, chosen === "max_steps")); });
  const wrong = h("div", {});
  const close = () => { dialog.close(); dialog.remove(); };
  const go = async () => {
    try {
      await post(`/api/v1/runs/${run.id}/extend`, { [unit.value]: Number(amount.value) });
    } catch (error) {
      const words = error.faults.map((fault) => fault.message).join(" ");
      return void fill(wrong, problem(words || error.message, words ? "" : error.hint));
    }
    close();
    await after();
  };
  const dialog = h("dialog", { class: "ts-card ts-dialog", "aria-label": t("extend.open") },
    h("h2", {}, t("extend.open")),
    h("p", {}, behind(run)),
    field(t("extend.unit"), unit),
    field(t("extend.amount"), amount, t("extend.help")),
    h("p", { class: "ts-soft" }, t(run.spec.scheduler.startsWith("constant") ? "extend.rate_constant" : "extend.rate")),
    run.spec.early_stopping ? h("p", { class: "ts-soft" }, t("extend.patience")) : null,
    wrong,
    h("div", { class: "ts-actions" }, button(t("extend.go"), go, { kind: "primary" }), button(t("extend.cancel"), close)));
  dialog.addEventListener("cancel", () => dialog.remove());
  document.querySelector(".ts-island").append(dialog);
  dialog.showModal();
  amount.select();
}

// Readings of the data that lie behind a run; not known of one whose length was given in steps.
function done(run) { return run.spec.max_steps === null && run.total_steps ? (run.step / run.total_steps) * run.spec.epochs : null; }

function behind(run) {
  const readings = done(run);
  return readings === null ? t("extend.done_steps", { step: count(run.step) }) : t("extend.done", { step: count(run.step), readings: number(readings, 3) });
}

function proposed(run, bySteps) {
  if (bySteps) return 2 * run.step;
  return Math.floor(done(run) ?? run.spec.epochs) + 1;
}
