// Above the form of the train page: what to do first while there is no data or no base model.

import { get } from "./api.js";
import { fill } from "./dom.js";
import { button, empty, link } from "./parts.js";
import { startSample } from "./sample.js";
import { t } from "./words.js";

export async function draw(root) {
  const [datasets, models] = await Promise.all([get("/api/v1/datasets"), get("/api/v1/models")]);
  if (datasets.length && models.length) return;
  fill(root, empty(t("train.none.title"), t("train.none.words"), button(t("sample.try"), startSample, { kind: "primary" }),
    datasets.length ? null : link(t("home.data.action"), "/data"), models.length ? null : link(t("models.add"), "/models")));
}
