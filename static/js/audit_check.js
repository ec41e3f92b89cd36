// Checks the chain of the audit trail at a click and says in words what was found.

import { get } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, field, problem } from "./parts.js";
import { t } from "./words.js";

export function drawCheck(root) {
  const result = h("div", { role: "status", "aria-live": "polite", id: "audit-result" });
  const number = h("input", { id: "audit-known-number", type: "text", inputmode: "numeric", autocomplete: "off" });
  const hash = h("input", { id: "audit-known-hash", type: "text", autocomplete: "off", maxlength: "64" });
  const check = async () => {
    fill(result, h("p", { class: "ts-soft" }, t("audit.checking")));
    const known = new URLSearchParams();
    if (number.value.trim()) known.set("number", number.value.trim());
    if (hash.value.trim()) known.set("hash", hash.value.trim());
    try {
      fill(result, verdict(await get(`/api/v1/audit/verify?${known}`)));
    } catch (error) {
      fill(result);
      throw error;
    }
  };
  fill(root, h("h2", {}, t("audit.chain")), h("p", {}, t("audit.chain_words")),
    h("div", { class: "ts-actions" }, button(t("audit.check"), check, { kind: "primary" })), result,
    h("details", {}, h("summary", {}, t("audit.known")), h("p", { class: "ts-soft" }, t("audit.known_words")),
      h("div", { class: "ts-fields" }, field(t("audit.known_number"), number), field(t("audit.known_hash"), hash))));
}

function verdict(found) {
  if (found.broken) return problem(t(`audit.broken.${found.broken}`, { n: count(found.at) }), t("audit.broken.hint"));
  const newest = found.last ? h("p", { class: "ts-small ts-audit-text" }, t("audit.newest", { n: found.last.number, hash: found.last.hash })) : null;
  return h("div", { class: "ts-audit-whole" }, h("p", {}, h("strong", {}, `✓ ${t("audit.whole", { n: count(found.entries) })}`)), newest);
}
