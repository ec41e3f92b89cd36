// What a run's curves say in words, under the loss chart, and the changes to try, one click each.

import { get } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { link } from "./parts.js";
import { t } from "./words.js";

// How the chip looks and its sign: the words say the same without colour.
const LOOKS = {
  finished_well: ["finished", "✓"], improving: ["running", "↘"], unfinished: ["unsure", "→"], flat: ["unsure", "—"], spikes: ["unsure", "∧"],
  nothing_learned: ["unsure", "—"], overfitting: ["failed", "↗"], diverging: ["failed", "↗"], nan: ["failed", "!"], too_early: ["queued", "…"],
};

const EVERY = 2000; // Milliseconds between two looks at a run that goes on.
const REPEAT = 15000; // Milliseconds after which the same is said with newer figures: it is read aloud.

export class Diagnosis {
  constructor(id) {
    this.id = id;
    this.looked = 0;
    this.element = h("div", { class: "ts-diagnosis", role: "status", id: "diagnosis", hidden: true });
  }

  // Ask again where the curves have grown; `over` asks at once.
  async look(over) {
    if (!over && Date.now() - this.looked < EVERY) return;
    this.looked = Date.now();
    const found = await get(`/api/v1/runs/${this.id}/diagnosis`);
    this.element.hidden = false;
    this.element.dataset.kind = found.kind;
    const key = [found.kind, found.since, found.changes, over || Math.floor(this.looked / REPEAT)];
    fillWhenChanged(this.element, key, () => this.#draw(found));
  }

  #draw(found) {
    const [look, sign] = LOOKS[found.kind];
    const chip = h("span", { class: `ts-chip ts-${look}` }, `${sign} ${t(`diagnosis.${found.kind}`)}`);
    const tries = found.changes.map((change) => h("li", {}, link(change.words, this.#address(change.settings)), h("span", { class: "ts-soft" }, change.why)));
    return [h("p", {}, chip, " ", found.words), tries.length ? h("ul", { class: "ts-tries" }, tries) : null];
  }

  #address(settings) {
    const set = Object.entries(settings).map(([name, value]) => `${name}:${value}`).join(",");
    return `/train?copy=${this.id}&set=${encodeURIComponent(set)}`;
  }
}
