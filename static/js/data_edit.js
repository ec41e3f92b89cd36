// Changes to single rows, collected in this browser until they are saved as a new version.

import { h } from "./dom.js";
import { button } from "./parts.js";
import { t } from "./words.js";

const ROLES = { user: "role.user", assistant: "role.assistant", system: "role.system", tool: "role.tool" };
const NOT_CONTENT = ["row", "line", "hash"];

export class Changes {
  constructor(datasetId) {
    this.datasetId = datasetId;
    this.kept = `changes-${datasetId}`;
    const before = read(this.kept);
    this.changed = new Map(before.changed);
    this.deleted = new Set(before.deleted);
  }

  get counts() { return { changed: this.changed.size, deleted: this.deleted.size }; }

  get operation() {
    const changed = [...this.changed].map(([row, content]) => ({ row, content }));
    return { kind: "edit", dataset_id: this.datasetId, changed, deleted: [...this.deleted] };
  }

  content(row) { return this.changed.get(row); }

  isDeleted(row) { return this.deleted.has(row); }

  change(row, content, before) {
    if (JSON.stringify(content) === JSON.stringify(bare(before))) this.changed.delete(row);
    else this.changed.set(row, content);
    this.#keep();
  }

  drop(row) { this.changed.delete(row); this.deleted.add(row); this.#keep(); }

  undo(row) { this.changed.delete(row); this.deleted.delete(row); this.#keep(); }

  clear() { this.changed.clear(); this.deleted.clear(); this.#keep(); }

  #keep() {
    if (this.changed.size || this.deleted.size) sessionStorage.setItem(this.kept, JSON.stringify({ changed: [...this.changed], deleted: [...this.deleted] }));
    else sessionStorage.removeItem(this.kept);
  }
}

function read(key) {
  try { return { changed: [], deleted: [], ...JSON.parse(sessionStorage.getItem(key)) }; } catch { return { changed: [], deleted: [] }; }
}

function bare(row) { return Object.fromEntries(Object.entries(row).filter(([name]) => !NOT_CONTENT.includes(name))); }

// A row as fields to write in: one a turn. `keep` is called with the new content.
export function editor(row, { keep, cancel }) {
  const content = structuredClone(bare(row));
  const fields = places(content).map(({ words, get, set }, index) => {
    const area = h("textarea", { id: `edit-${index}`, rows: String(Math.min(14, Math.max(2, Math.ceil(get().length / 90)))), dir: "auto" });
    area.value = get();
    area.addEventListener("input", () => set(area.value));
    return h("div", { class: "ts-field" }, h("label", { for: area.id }, words), area);
  });
  return h("div", { class: "ts-editor" }, fields, verdict(content),
    h("div", { class: "ts-actions" }, button(t("rows.keep"), () => keep(content), { kind: "primary", key: "keep" }), button(t("rows.leave"), cancel, { key: "leave" })));
}

// Every text of a row that can be written in.
function places(content) {
  if (content.text !== undefined) return [place(content, "text", t("role.text"))];
  const said = (turns, words) => (turns ?? []).map((turn) => place(turn, "content", words ?? t(ROLES[turn.role] ?? "role.text")));
  return [...said(content.messages), ...said(content.prompt), ...said(content.chosen, t("rows.better")), ...said(content.rejected, t("rows.worse")), ...said(content.completion)];
}

function place(holder, name, words) {
  return { words, get: () => holder[name] ?? "", set: (value) => { holder[name] = value; } };
}

function verdict(content) {
  if (typeof content.label !== "boolean") return null;
  const box = h("input", { type: "checkbox", id: "edit-label", checked: content.label });
  box.addEventListener("change", () => { content.label = box.checked; });
  return h("label", { class: "ts-tick", for: "edit-label" }, box, t("rows.label_good"));
}
