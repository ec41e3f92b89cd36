// The library of instructions (system prompts): keep one under a name, choose, rename, delete with undo.

import { get, patch, post, remove } from "./api.js";
import { fill, h } from "./dom.js";
import { button, choice, notice } from "./parts.js";
import { t } from "./words.js";

const PATH = "/api/v1/system-prompts";

export class Library {
  // `text` is the field that is filled in.
  constructor(text, kept) {
    this.text = text;
    this.kept = kept;
    this.chosen = "";
    this.name = h("input", { type: "text", id: "system-name", maxlength: "120", "aria-label": t("library.name"), placeholder: t("library.name") });
    this.place = h("div", { class: "ts-library" });
    this.element = h("details", {}, h("summary", {}, t("library.title")), this.place);
    this.#draw();
  }

  #draw() {
    const one = this.#one();
    const options = [["", t(this.kept.length ? "library.choose" : "library.none")], ...this.kept.map(({ id, name }) => [id, name])];
    const select = choice("system-kept", options, this.chosen, (id) => this.#choose(id));
    select.setAttribute("aria-label", t("library.title"));
    this.name.value = one?.name ?? "";
    fill(this.place, h("div", { class: "ts-fields" }, select, this.name), h("div", { class: "ts-actions" },
      button(t("library.save"), () => this.#save()),
      one ? button(t("library.change"), () => this.#change()) : null,
      one ? button(t("delete"), () => this.#delete(), { kind: "link" }) : null));
  }

  #one() { return this.kept.find(({ id }) => id === this.chosen); }

  #choose(id) {
    this.chosen = id;
    if (this.#one()) this.text.value = this.#one().text;
    this.#draw();
  }

  async #save() {
    const kept = await post(PATH, { text: this.text.value, name: this.name.value === this.#one()?.name ? "" : this.name.value });
    notice(t("library.saved", { name: kept.name }));
    await this.#read(kept.id);
  }

  async #change() {
    const kept = await patch(`${PATH}/${this.chosen}`, { text: this.text.value, name: this.name.value });
    notice(t("library.saved", { name: kept.name }));
    await this.#read(kept.id);
  }

  async #delete() {
    const { id, name } = this.#one();
    await remove(`${PATH}/${id}`);
    await this.#read("");
    notice(t("deleted", { name }), { undo: async () => { await post(`${PATH}/${id}/restore`); await this.#read(id); } });
  }

  async #read(chosen) {
    this.kept = await get(PATH);
    this.chosen = chosen;
    this.#draw();
  }
}
