// A new set of questions: pasted, out of a file, out of data, or the one that ships; what was understood is told at once.

import { get, post } from "./api.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { button, choice, field } from "./parts.js";
import { t } from "./words.js";

const PATH = "/api/v1/prompt-sets";
const FILES = [".txt", ".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".md"];
const PAUSE = 300; // milliseconds without a key before the text is read
const SHOWN = 3;

export class NewSet {
  constructor() {
    this.layout = "auto";
    this.fileName = "";
    this.text = h("textarea", { rows: "7", id: "new-questions", dir: "auto", placeholder: t("prompts.paste_hint") });
    this.text.addEventListener("input", () => { this.fileName = ""; this.layout = "auto"; this.#wait(); });
    this.name = h("input", { type: "text", id: "new-name", maxlength: "120", dir: "auto", placeholder: t("prompts.name_hint") });
    this.told = h("div", { "aria-live": "polite", id: "understood" });
    this.keep = button(t("prompts.keep"), () => this.#keep(), { kind: "primary", disabled: true });
    const input = h("input", { type: "file", accept: FILES.join(","), hidden: true, id: "questions-file" });
    input.addEventListener("change", () => { if (input.files[0]) this.#take(input.files[0]); input.value = ""; });
    this.element = h("section", { class: "ts-card", id: "new-set" }, h("h2", {}, t("prompts.new")),
      field(t("prompts.paste"), this.text), input, this.told, field(t("prompts.name"), this.name),
      h("div", { class: "ts-actions" }, this.keep, button(t("prompts.file"), () => input.click()), button(t("prompts.starter"), keepStarter)),
      ofData());
    this.#dropping();
  }

  #wait() {
    clearTimeout(this.timer);
    this.keep.disabled = !this.text.value.trim();
    this.timer = setTimeout(() => this.#read(), PAUSE);
  }

  async #take(file) {
    this.text.value = decoded(await file.arrayBuffer());
    this.fileName = file.name;
    this.layout = "auto";
    if (!this.name.value) this.name.value = file.name.replace(/\.[^.]+$/, "");
    await this.#read();
  }

  #dropping() {
    this.text.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
    this.text.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      this.#take(event.dataTransfer.files[0]);
    });
  }

  async #read() {
    const asked = this.text.value;
    this.found = null;
    this.keep.disabled = true;
    if (!asked.trim()) return void fill(this.told);
    try {
      const found = await post(`${PATH}/read`, { text: asked, layout: this.layout, ...(this.fileName ? { file_name: this.fileName } : {}) });
      if (asked !== this.text.value) return;
      this.found = found;
      this.keep.disabled = false;
      fill(this.told, this.#understood(found));
    } catch (error) {
      if (asked !== this.text.value) return;
      fill(this.told, h("p", { class: "ts-error" }, (error.faults ?? []).map(({ message }) => message).join(" ") || error.message), this.#layouts());
    }
  }

  #understood(found) {
    return [
      h("p", {}, h("strong", {}, t(`prompts.understood.${found.layout}`, { n: count(found.prompts.length) })),
        found.numbered ? ` ${t("prompts.numbered")}` : "", found.duplicates ? ` ${t("prompts.duplicates", { n: count(found.duplicates) })}` : ""),
      h("ol", { class: "ts-list ts-first-questions" }, found.prompts.slice(0, SHOWN).map(({ text }) => h("li", { dir: "auto" }, text)),
        found.prompts.length > SHOWN ? h("li", { class: "ts-soft ts-rest" }, t("prompts.and_more", { n: count(found.prompts.length - SHOWN) })) : null),
      this.#layouts(),
    ];
  }

  // Only where it can be read in more than one way.
  #layouts() {
    if (this.fileName && !/\.(txt|md)$/i.test(this.fileName)) return null;
    if (!this.text.value.trim().includes("\n")) return null;
    const options = ["auto", "lines", "blocks"].map((name) => [name, t(`prompts.layout.${name}`)]);
    return field(t("prompts.layout"), choice("new-layout", options, this.layout, (layout) => { this.layout = layout; return this.#read(); }));
  }

  async #keep() {
    clearTimeout(this.timer);
    if (!this.found) await this.#read();
    if (!this.found) return;
    const made = await post(PATH, { prompts: this.found.prompts, name: this.name.value });
    location.href = `/prompts?set=${made.id}`;
  }
}

// Spreadsheets still write files in older encodings.
function decoded(bytes) {
  const [first, second] = new Uint8Array(bytes);
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try { return new TextDecoder("utf-8", { fatal: true }).decode(bytes); } catch { return new TextDecoder("windows-1252").decode(bytes); }
}

export async function keepStarter() {
  const made = await post(PATH, { starter: true });
  location.href = `/prompts?set=${made.id}`;
}

// The questions of data that is ready; looked up when it is opened.
function ofData() {
  const place = h("div", {});
  const part = h("details", {}, h("summary", {}, t("prompts.from_data")), place);
  part.addEventListener("toggle", async () => { if (part.open && !place.firstChild) await drawData(place); });
  return part;
}

async function drawData(place) {
  const ready = (await get("/api/v1/datasets")).filter(({ status, target }) => status === "ready" && target !== "text");
  if (!ready.length) return void fill(place, h("p", { class: "ts-soft" }, t("prompts.no_data")));
  const data = choice("questions-data", ready.map(({ id, name }) => [id, name]));
  const which = choice("questions-which", ["first", "held_out"].map((name) => [name, t(`prompts.which.${name}`)]));
  const most = h("input", { type: "number", id: "questions-most", min: "1", max: "1000", value: "20" });
  const take = async () => {
    const made = await post(PATH, { dataset_id: data.value, which: which.value, most: Number(most.value) });
    location.href = `/prompts?set=${made.id}`;
  };
  fill(place, h("div", { class: "ts-fields" }, field(t("prompts.data"), data), field(t("prompts.which"), which, t("prompts.which_help")), field(t("prompts.most"), most)),
    h("div", { class: "ts-actions" }, button(t("prompts.take"), take)));
}
