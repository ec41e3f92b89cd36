// The points of a run's curves: opened once, then only new points arrive; a resumed run drops what no longer counts.

import { get } from "./api.js";

const MOST_POINTS = 4000;

export class Curves {
  constructor(runId) {
    this.runId = runId;
    this.cursor = null;
    this.series = new Map();
  }

  // Fetches what is new. Returns true where anything has changed.
  async update() {
    if (this.cursor === null || this.#isLong()) return this.#open();
    const news = await get(`/api/v1/runs/${this.runId}/metrics?after=${encodeURIComponent(this.cursor)}`);
    this.cursor = news.cursor;
    if (news.reset_after !== null) this.#dropAfter(news.reset_after);
    for (const point of news.points) this.#of(point.name).push([point.step, point.value]);
    return news.points.length > 0 || news.reset_after !== null;
  }

  points(name) { return this.series.get(name) ?? []; }

  last(name) { return this.points(name).at(-1) ?? null; }

  async #open() {
    const opening = await get(`/api/v1/runs/${this.runId}/curves`);
    this.cursor = opening.cursor;
    this.series.clear();
    for (const [name, curve] of Object.entries(opening.curves)) {
      this.series.set(name, curve.steps.map((step, index) => [step, curve.values[index]]));
    }
    return true;
  }

  #of(name) {
    if (!this.series.has(name)) this.series.set(name, []);
    return this.series.get(name);
  }

  #isLong() { return [...this.series.values()].some((points) => points.length > MOST_POINTS); }

  #dropAfter(step) {
    for (const [name, points] of this.series) this.series.set(name, points.filter(([at]) => at <= step));
  }
}

// Exponential moving average without the pull of the start (Kingma and Ba 2015, section 3).
export function smooth(points, weight) {
  let average = 0;
  let share = 1;
  return points.map(([step, value]) => {
    if (value === null) return [step, null];
    average = weight * average + (1 - weight) * value;
    share *= weight;
    return [step, average / (1 - share)];
  });
}
