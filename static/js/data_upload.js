// Takes data in: files dropped or chosen, a name on the hub, rows written here, a template to fill in.

import { post, remove } from "./api.js";
import { forget, Transfer, unfinished } from "./data_transfer.js";
import { fill, h } from "./dom.js";
import { bytes, duration } from "./format.js";
import { button, field, link, notice, problem, progress } from "./parts.js";
import { t } from "./words.js";

const ENDINGS = [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".zip", ".gz"];
const NOW = ["sending", "paused", "finishing"];
const STATES = { waiting: "upload.waiting", finishing: "upload.finishing" };

export class Uploads {
  // `look` draws the list of datasets anew.
  constructor(look) {
    this.look = look;
    this.transfers = [];
    this.left = [];
    this.list = h("div", { class: "ts-uploads", "aria-live": "off" });
    addEventListener("online", () => this.transfers.forEach((transfer) => { transfer.pause = 0; transfer.wake(); }));
    addEventListener("beforeunload", (event) => { if (this.transfers.some(({ state }) => NOW.includes(state))) event.preventDefault(); });
    this.#remember();
  }

  draw() {
    const input = h("input", { type: "file", multiple: true, accept: ENDINGS.join(","), hidden: true, id: "files" });
    input.addEventListener("change", () => { this.#take([...input.files]); input.value = ""; });
    const zone = h("section", { class: "ts-card ts-drop", id: "upload", "aria-label": t("upload.title") }, input,
      h("h2", {}, t("upload.drop")),
      h("p", { class: "ts-soft" }, t("upload.kinds")),
      h("div", { class: "ts-actions" }, button(t("upload.choose"), () => input.click(), { kind: "primary" }), link(t("upload.write"), "/data?write=1")),
      this.#others(), this.list);
    dropping(zone, (files) => this.#take(files));
    return zone;
  }

  #others() {
    const name = h("input", { type: "text", id: "hub-name", placeholder: "owner/name", maxlength: "200", autocomplete: "off", spellcheck: "false" });
    const split = h("input", { type: "text", id: "hub-split", placeholder: t("upload.hub_split_hint"), maxlength: "60", autocomplete: "off" });
    const bring = async () => {
      const dataset = await post("/api/v1/datasets/hub", { name: name.value.trim(), ...(split.value.trim() ? { split: split.value.trim() } : {}) });
      name.value = "";
      notice(t("data.added", { name: dataset.name }));
      await this.look();
    };
    const hub = h("details", {}, h("summary", {}, t("upload.hub")), h("p", { class: "ts-soft" }, t("upload.hub_help")),
      h("div", { class: "ts-fields" }, field(t("upload.hub_name"), name), field(t("upload.hub_split"), split)),
      h("div", { class: "ts-actions" }, button(t("upload.hub_get"), bring)));
    const template = h("details", {}, h("summary", {}, t("upload.template")), h("p", { class: "ts-soft" }, t("upload.template_help")),
      h("div", { class: "ts-actions" }, link(t("upload.template_csv"), "/api/v1/datasets/template?format=csv"), link(t("upload.template_jsonl"), "/api/v1/datasets/template?format=jsonl")));
    return h("div", { class: "ts-others" }, hub, template);
  }

  #take(files) {
    for (const file of files) {
      if (this.transfers.some(({ file: other, state }) => other.name === file.name && other.size === file.size && [...NOW, "waiting"].includes(state))) continue;
      this.left = this.left.filter(({ name, size, lastModified }) => !(name === file.name && size === file.size && lastModified === file.lastModified));
      const transfer = new Transfer(file, { changed: () => this.#show(), ended: (one) => this.#ended(one) });
      const refused = refusal(file);
      if (refused) Object.assign(transfer, { state: "failed", ...refused });
      this.transfers.push(transfer);
    }
    this.#next();
  }

  // One after the other: together they would only take the line from each other.
  #next() {
    const busy = this.transfers.some(({ state }) => NOW.includes(state));
    const first = this.transfers.find(({ state }) => state === "waiting");
    if (first && !busy) first.run();
    this.#show();
  }

  async #ended(transfer) {
    if (transfer.state !== "failed") this.transfers = this.transfers.filter((one) => one !== transfer);
    this.#next();
    if (transfer.state !== "done") return;
    const { name, known } = transfer.dataset;
    notice(known ? already(transfer.file.name, name) : t("data.added", { name }));
    await this.look();
  }

  async #remember() {
    this.left = await unfinished();
    this.#show();
  }

  #show() {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    fill(this.list, this.left.map((upload) => this.#rest(upload)), this.transfers.map((transfer) => this.#moving(transfer)));
    if (focused) this.list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  #moving(transfer) {
    const { file, state } = transfer;
    const dismiss = () => { this.transfers = this.transfers.filter((one) => one !== transfer); this.#show(); };
    const end = state === "failed" ? button(t("close"), dismiss, { kind: "link", key: `close-${file.name}` }) : button(t("upload.cancel"), () => transfer.cancel().then(dismiss), { kind: "link", key: `cancel-${file.name}` });
    return h("article", { class: "ts-upload" },
      h("div", { class: "ts-row ts-between" }, h("strong", {}, file.name), end),
      state === "failed" ? problem(transfer.error, transfer.hint) : progress(transfer.share, pace(transfer)));
  }

  #rest(upload) {
    const away = async () => {
      forget(upload.id);
      this.left = this.left.filter(({ id }) => id !== upload.id);
      this.#show();
      await remove(`/api/v1/uploads/${upload.id}`).catch(() => null);
    };
    const share = upload.size ? upload.received / upload.size : 0;
    return h("article", { class: "ts-upload" },
      h("div", { class: "ts-row ts-between" }, h("strong", {}, upload.name), button(t("upload.cancel"), away, { kind: "link", key: `cancel-${upload.id}` })),
      progress(share, t("upload.go_on", { percent: Math.round(100 * share) })));
  }
}

function already(name, other) { return name === other ? t("data.known", { name }) : t("data.same", { name, other }); }

function pace(transfer) {
  if (transfer.state === "paused") return t("upload.paused", { seconds: transfer.pause });
  if (STATES[transfer.state]) return t(STATES[transfer.state]);
  const so_far = t("upload.so_far", { done: bytes(transfer.received), all: bytes(transfer.file.size) });
  if (!transfer.speed) return so_far;
  return `${so_far} · ${t("upload.speed", { speed: bytes(Math.round(transfer.speed)), left: duration(transfer.secondsLeft) })}`;
}

function refusal(file) {
  if (!ENDINGS.some((ending) => file.name.toLowerCase().endsWith(ending))) return { error: t("upload.unknown_kind"), hint: t("upload.kinds") };
  return file.size ? null : { error: t("upload.empty"), hint: t("upload.empty_hint") };
}

// Files may be dropped anywhere on the zone; it says so while something is held above it.
function dropping(zone, take) {
  let inside = 0;
  const mark = (change) => (event) => {
    event.preventDefault();
    inside = Math.max(0, inside + change);
    zone.classList.toggle("ts-over", inside > 0);
  };
  zone.addEventListener("dragenter", mark(1));
  zone.addEventListener("dragleave", mark(-1));
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    zone.classList.remove("ts-over");
    take([...event.dataTransfer.files]);
  });
}
