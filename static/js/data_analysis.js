// Puts a question to a dataset, shows how far the answer is, and returns it; asks no longer once the page shows something else.

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { problem, progress } from "./parts.js";
import { t } from "./words.js";

const UNDER_WAY = ["waiting", "working"];
const SECONDS = 0.7;

export async function ask(dataset, kind, question, model = null) {
  return post(`/api/v1/datasets/${dataset.id}/analyses`, { kind, question, ...(model ? { base_model_id: model } : {}) });
}

// Returns the result; null where the page has moved on or where it failed, which is then said in `place`.
export async function answered(analysis, place, { shown, title, words }) {
  let found = analysis;
  while (UNDER_WAY.includes(found.status)) {
    if (!shown()) return null;
    fill(place, h("section", { class: "ts-card" }, h("h2", {}, title), words ? h("p", { class: "ts-soft" }, words) : null, progress(found.progress, found.stage || t("data.soon"))));
    await new Promise((resolve) => setTimeout(resolve, 1000 * SECONDS));
    found = await get(`/api/v1/analyses/${found.id}`).catch((error) => { if (error.status) throw error; return found; });
  }
  if (!shown()) return null;
  // An answer that is ready may have been listed without its result.
  if (!found.result && !found.error) found = await get(`/api/v1/analyses/${found.id}`);
  if (!found.result) fill(place, problem(found.error ?? t("error.no_answer"), found.hint));
  return found.result;
}
