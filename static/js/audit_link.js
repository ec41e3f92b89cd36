// The way from the settings to the audit trail.

import { h } from "./dom.js";
import { link } from "./parts.js";
import { t } from "./words.js";

export function draw(root) {
  root.append(h("section", { class: "ts-card" }, h("h2", {}, t("nav.audit")), h("p", {}, t("audit.link_words")), link(t("audit.open"), "/audit")));
}
