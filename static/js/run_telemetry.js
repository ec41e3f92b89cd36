// What a run takes of the machine: memory, processor, graphics cards and energy, as facts, charts and words.

import { get } from "./api.js";
import { drawChart } from "./chart.js";
import { fill, h } from "./dom.js";
import { bytes, number } from "./format.js";
import { fact } from "./parts.js";
import { t } from "./words.js";

const GIGA = 1e9;
const HOURS_FROM = 7200; // seconds

// A chart's name, and its value in a sample: of the machine, or of one card; null where it is not told.
const OF_MACHINE = [
  [t("machine.memory_chart"), (values) => values.memory / GIGA],
  [t("machine.processor_chart"), (values) => values.processor / values.cores],
];
const OF_CARD = [
  [t("machine.card_memory"), (card) => card.memory / GIGA],
  [t("machine.card_use"), (card) => card.use],
  [t("machine.card_temperature"), (card) => card.temperature],
  [t("machine.card_power"), (card) => card.power],
];

export class Machine {
  constructor(runId) {
    this.runId = runId;
    this.samples = [];
    this.settled = false;
    this.facts = h("div", { class: "ts-facts" });
    this.charts = h("div", { class: "ts-charts" });
    this.blocks = new Map();
    this.element = h("section", { class: "ts-card", hidden: true, id: "machine" }, h("h2", {}, t("machine.title")), this.facts, this.charts, h("p", { class: "ts-soft ts-small" }, t("machine.own")));
    new MutationObserver(() => this.#draw()).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  // Reads what is new; of a run that has ended once more, and then no more.
  async look(isActive) {
    if (this.settled) return;
    this.settled = !isActive;
    const last = this.samples.at(-1);
    const news = await get(`/api/v1/runs/${this.runId}/telemetry${last ? `?after=${last.at}` : ""}`);
    this.samples.push(...news.samples);
    if (!news.samples.length) return;
    this.element.hidden = false;
    fill(this.facts, this.#facts(news));
    this.#draw();
  }

  #facts({ device, kilowatt_hours: energy }) {
    const { values } = this.samples.at(-1);
    const peak = Math.max(...this.samples.map((sample) => sample.values.memory));
    const cards = Object.entries(values.cards ?? {});
    return [
      device ? fact(t("machine.device"), device === "processor" ? t("machine.the_processor") : t("machine.cards", { names: device.replaceAll(",", ", ") })) : null,
      fact(t("machine.memory"), bytes(values.memory)),
      fact(t("machine.memory_peak"), bytes(peak)),
      fact(t("machine.memory_free"), bytes(values.free)),
      fact(t("machine.processor"), t("machine.cores_busy", { n: number(values.processor / 100, 2), cores: values.cores })),
      cards.map(([name, card]) => fact(t("machine.card", { n: name }), this.#ofCard(card))),
      energy === null ? null : fact(t("machine.energy"), t("machine.kilowatt_hours", { n: number(energy, 3) })),
    ];
  }

  #ofCard({ memory, memory_total: total, use, temperature, power }) {
    const told = [[use, "%"], [temperature, "°C"], [power, "W"]].filter(([value]) => value !== null);
    return [t("machine.of", { used: bytes(memory), total: bytes(total) }), ...told.map(([value, unit]) => `${number(value, 3)} ${unit}`)].join(" · ");
  }

  #draw() {
    if (!this.samples.length) return;
    for (const [name, value] of OF_MACHINE) this.#chart(name, [{ name, points: this.#points((values) => value(values)) }]);
    const cards = Object.keys(this.samples.at(-1).values.cards ?? {});
    for (const [name, value] of OF_CARD) {
      const lines = cards.map((card) => ({ name: t("machine.card", { n: card }), points: this.#points(({ cards: all }) => (all?.[card] ? value(all[card]) : null)) }));
      const told = lines.filter(({ points }) => points.some(([, y]) => y !== null));
      if (told.length) this.#chart(name, told);
    }
  }

  #points(value) {
    const [first, last] = [this.samples[0].at, this.samples.at(-1).at];
    const unit = last - first > HOURS_FROM ? 3600 : 60;
    return this.samples.map(({ at, values }) => [Number(((at - first) / unit).toFixed(3)), value(values)]);
  }

  #chart(name, lines) {
    if (!this.blocks.has(name)) this.#add(name);
    const { chart, summary } = this.blocks.get(name);
    const span = this.samples.at(-1).at - this.samples[0].at;
    drawChart(chart, lines, { id: this.runId, title: t(span > HOURS_FROM ? "machine.hours" : "machine.minutes") });
    fill(summary, lines.map((line) => inWords(line, lines.length > 1)).join("; "), ".");
  }

  #add(name) {
    const summary = h("p", { class: "ts-soft ts-small", id: `machine-words-${this.blocks.size}` });
    const chart = h("div", { class: "ts-chart", role: "img", "aria-label": name, "aria-describedby": summary.id });
    this.blocks.set(name, { chart, summary });
    this.charts.append(h("div", {}, h("h3", {}, name), chart, summary));
  }
}

function inWords({ name, points }, isOneOfMany) {
  const values = points.map(([, value]) => value).filter((value) => value !== null);
  const figures = { last: number(values.at(-1), 3), most: number(Math.max(...values), 3), mean: number(values.reduce((a, b) => a + b, 0) / values.length, 3) };
  const words = t("machine.words", figures);
  return isOneOfMany ? `${name}: ${words}` : words;
}
