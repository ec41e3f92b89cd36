// The line of waiting runs: its order by buttons, by dragging and by priority, one after another, and the pause.

import { post, put } from "./api.js";
import { fillWhenChanged, h } from "./dom.js";
import { moment } from "./format.js";
import { button, chip, choice, link, notice } from "./parts.js";
import { t } from "./words.js";

const LOCAL = "local";
const MINUTE = 60;
const MOST_OTHERS = 20;

export class Queue {
  // `look` reads everything anew; `erase` deletes a run.
  constructor(look, erase) {
    this.look = look;
    this.erase = erase;
    this.banner = h("div", {});
    this.list = h("div", {});
    this.said = h("p", { class: "ts-hidden", "aria-live": "polite" });
    this.element = h("section", {}, this.list, this.said);
    this.dragged = null;
  }

  // Redraws what has changed; not under a menu that is open, nor while something is dragged.
  draw({ pause, waiting, total }, active) {
    fillWhenChanged(this.banner, pause, () => (pause ? this.#paused(pause) : []));
    if (this.dragged || (this.list.contains(document.activeElement) && document.activeElement.tagName === "SELECT")) return;
    const shown = waiting.map((each) => [each.run.id, each.run.name, each.run.stop_request, each.priority, each.before, when(each)]);
    fillWhenChanged(this.list, [shown, total, Boolean(pause), active.map((run) => [run.id, run.name])], () => [...this.#section(waiting, active, pause), rest(total - waiting.length)]);
  }

  #paused(pause) {
    const by = pause.by === LOCAL ? t("queue.you") : pause.by;
    return h("section", { class: "ts-card ts-warning ts-paused", role: "status" },
      h("h2", {}, t("queue.paused")), h("p", {}, t("queue.paused_words", { by, since: moment(pause.since) })),
      h("div", { class: "ts-actions" }, button(t("queue.proceed"), () => this.#send(post, "/api/v1/queue/proceed"), { kind: "primary" })));
  }

  #section(waiting, active, pause) {
    const stop = pause ? null : button(t("queue.pause"), () => this.#send(post, "/api/v1/queue/pause"));
    const head = h("div", { class: "ts-row ts-between ts-queue-head" }, h("h2", {}, t("runs.waiting")), stop);
    if (!waiting.length) return [head, h("p", { class: "ts-soft" }, t("runs.waiting_none"))];
    return [head, waiting.map((each, index) => this.#card(waiting, index, active))];
  }

  #card(waiting, index, active) {
    const { run, before } = waiting[index];
    const told = [t("runs.place", { n: index + 1 }), when(waiting[index]), moment(run.created_at)].filter(Boolean).join(" · ");
    const card = h("article", { class: "ts-card ts-queued" },
      h("div", { class: "ts-row ts-between" }, h("div", { class: "ts-row" }, this.#grip(run), h("h3", {}, h("a", { href: `/run?run=${run.id}`, "data-key": run.id }, run.name))), chip(run.status)),
      h("p", { class: "ts-soft" }, told),
      before ? this.#waitsFor(run, before) : null,
      h("div", { class: "ts-actions" }, this.#places(waiting, index),
        button(t("runs.unqueue"), () => this.#send(post, `/api/v1/runs/${run.id}/stop`), { key: `stop-${run.id}` }),
        link(t("runs.open"), `/run?run=${run.id}`), button(t("delete"), () => this.erase(run), { kind: "link", key: `delete-${run.id}` })),
      h("div", { class: "ts-queue-choices" }, this.#priority(waiting[index]), this.#after(waiting, index, active)));
    this.#takesDrops(card, run);
    return card;
  }

  // Two buttons that also a keyboard reaches; the one that was pressed is pressed again from where it has moved to.
  #places(waiting, index) {
    const { run } = waiting[index];
    const [above, below] = [waiting[index - 1], waiting[index + 1]];
    const to = (side, other) => async () => {
      await this.#move(run, side, other.run.id, waiting);
      const again = [`${side}-${run.id}`, `${side === "before" ? "behind" : "before"}-${run.id}`].map((key) => this.list.querySelector(`[data-key="${key}"]`));
      again.find((each) => each && !each.disabled)?.focus();
    };
    return [
      arrow("↑", t("queue.earlier"), t("queue.earlier_one", { name: run.name }), above && to("before", above), `before-${run.id}`),
      arrow("↓", t("queue.later"), t("queue.later_one", { name: run.name }), below && to("behind", below), `behind-${run.id}`),
    ];
  }

  #priority({ run, priority }) {
    const options = [["high", t("queue.high")], ["normal", t("queue.normal")], ["low", t("queue.low")]];
    const select = choice(`priority-${run.id}`, options, priority, (chosen) => this.#put(select, run, "priority", { priority: chosen }));
    return labelled(select, t("queue.priority"));
  }

  // Every run that can be waited for is there twice: until it has ended in any way, and until it has finished.
  #after(waiting, index, active) {
    const { run, before } = waiting[index];
    const others = [...active, ...waiting.slice(0, MOST_OTHERS).map((each) => each.run).filter((other) => other.id !== run.id)];
    const options = others.flatMap(({ id, name }) => [[`${id} any`, t("queue.after_end", { name })], [`${id} finished`, t("queue.after_finished", { name })]]);
    const chosen = before ? `${before.id} ${before.only_finished ? "finished" : "any"}` : "";
    if (chosen && !options.some(([value]) => value === chosen)) options.unshift([chosen, t(before.only_finished ? "queue.after_finished" : "queue.after_end", { name: before.name })]);
    const select = choice(`after-${run.id}`, [["", t("queue.after_none")], ...options], chosen, (value) => {
      const [id, how] = value.split(" ");
      return this.#put(select, run, "after", { run_id: id || null, only_finished: how === "finished" });
    });
    return labelled(select, t("queue.after"));
  }

  #waitsFor(run, before) {
    if (!before.in_vain) return h("p", {}, t(before.only_finished ? "queue.waits_finished" : "queue.waits_end", { name: before.name }));
    const { name, status } = before;
    const anyway = button(t("queue.anyway"), () => this.#send(put, `/api/v1/runs/${run.id}/after`, { run_id: null }), { key: `anyway-${run.id}` });
    return h("div", { class: "ts-warning" }, h("p", {}, t("queue.in_vain", { name, status: t(`status.${status}`) })), anyway);
  }

  #grip(run) {
    const grip = h("span", { class: "ts-grip", draggable: "true", title: t("queue.drag"), "aria-hidden": "true" }, "⠿");
    grip.addEventListener("dragstart", (event) => {
      this.dragged = run;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", run.name);
      event.dataTransfer.setDragImage(grip.closest("article"), 20, 20);
    });
    grip.addEventListener("dragend", () => { this.dragged = null; });
    return grip;
  }

  #takesDrops(card, run) {
    const side = (event) => (event.clientY < card.getBoundingClientRect().top + card.offsetHeight / 2 ? "before" : "behind");
    const mark = (name) => { card.dataset.drop = name; };
    card.addEventListener("dragover", (event) => {
      if (!this.dragged || this.dragged.id === run.id) return;
      event.preventDefault();
      mark(side(event));
    });
    card.addEventListener("dragleave", () => mark(""));
    card.addEventListener("drop", async (event) => {
      event.preventDefault();
      mark("");
      const moved = this.dragged;
      this.dragged = null;
      if (moved && moved.id !== run.id) await this.#move(moved, side(event), run.id);
    });
  }

  async #move(run, side, other) {
    const line = await post(`/api/v1/runs/${run.id}/move`, { side, run_id: other });
    await this.look();
    const place = line.waiting.findIndex((each) => each.run.id === run.id) + 1;
    this.said.textContent = t("queue.moved", { name: run.name, n: place });
  }

  async #put(select, run, what, body) {
    select.blur();
    try { await put(`/api/v1/runs/${run.id}/${what}`, body); } catch (error) { notice(`${error.message} ${error.hint ?? ""}`, { bad: true }); }
    this.list.dataset.drawn = "";  // a choice that was refused is taken back
    await this.look();
  }

  async #send(method, path, body) {
    await method(path, body);
    await this.look();
  }
}

function labelled(select, words) {
  return h("label", { class: "ts-small" }, h("span", { class: "ts-soft" }, words), select);
}

function arrow(sign, words, title, onclick, key) {
  const made = button(`${sign} ${words}`, onclick ?? (() => {}), { key, disabled: !onclick, title });
  made.setAttribute("aria-label", title);
  return made;
}

function rest(count) {
  return count > 0 ? h("p", { class: "ts-soft" }, t("queue.rest", { n: count })) : null;
}

// Where a run stands in line, in words.
export function whereInLine({ pause, waiting, total }, id) {
  const index = waiting.findIndex(({ run }) => run.id === id);
  const place = index < 0 ? "" : [t("runs.place", { n: index + 1 }), when(waiting[index])].filter(Boolean).join(", ");
  return [pause ? `${t("queue.paused")}.` : "", place ? `${place}.` : total > waiting.length ? t("queue.far") : ""].filter(Boolean).join(" ");
}

// When a run starts, in words; nothing where nobody knows.
function when({ starts_in: seconds }) {
  if (seconds === null) return "";
  if (seconds < MINUTE) return t("queue.soon");
  const minutes = Math.round(seconds / MINUTE);
  return minutes < 90 ? t("queue.minutes", { n: minutes }) : t("queue.hours", { n: (minutes / 60).toFixed(1) });
}
