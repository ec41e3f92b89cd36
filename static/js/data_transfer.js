// Brings one file to the studio in pieces: goes on after a lost connection by itself, and after a reload when the
// same file is chosen again, because the studio keeps what has arrived.

import { get, post, put, remove } from "./api.js";
import { t } from "./words.js";

const PIECE = 4 * 1024 * 1024;
const PAUSES = [1, 2, 4, 8, 15, 30];
const WINDOW = 8;
const KEPT = "uploads";

export class Transfer {
  // `changed` is called whenever there is something new to show; `ended` once, when nothing more will happen.
  constructor(file, { changed, ended }) {
    Object.assign(this, { file, changed, ended, id: null, received: 0, state: "waiting", error: null, hint: "", pause: 0, dataset: null });
    this.marks = [];
    this.abort = new AbortController();
    this.wake = () => {};
  }

  get share() { return this.file.size ? this.received / this.file.size : 0; }

  get speed() {
    const [first, last] = [this.marks[0], this.marks.at(-1)];
    return !last || last.at === first.at ? null : (1000 * (last.received - first.received)) / (last.at - first.at);
  }

  get secondsLeft() { return this.speed ? (this.file.size - this.received) / this.speed : null; }

  async run() {
    try {
      await this.#send();
    } catch (error) {
      if (this.state !== "cancelled") this.#say("failed", error);
    }
    this.ended(this);
  }

  async cancel() {
    this.state = "cancelled";
    this.abort.abort();
    this.wake();
    if (this.id) {
      forget(this.id);
      await remove(`/api/v1/uploads/${this.id}`).catch(() => null);
    }
    this.changed(this);
  }

  async #send() {
    const { name, size, lastModified } = this.file;
    const begun = await this.#patiently(() => post("/api/v1/uploads", { name, size, last_modified: lastModified }));
    Object.assign(this, { id: begun.id, received: begun.received });
    keep({ id: begun.id, name, size, lastModified });
    this.#say("sending");
    while (this.received < size) await this.#piece();
    this.#say("finishing");
    this.dataset = await this.#patiently(() => post(`/api/v1/uploads/${this.id}/finish`));
    forget(this.id);
    this.#say("done");
  }

  async #piece() {
    const offset = this.received;
    const piece = this.file.slice(offset, offset + PIECE);
    await piece.slice(0, 1).arrayBuffer().catch(() => { throw Object.assign(new Error(t("upload.changed")), { hint: t("upload.changed_hint") }); });
    this.#mark();
    const answer = await this.#patiently((isFirst) => (isFirst ? put(`/api/v1/uploads/${this.id}?offset=${offset}`, piece, this.abort.signal) : this.#arrived(offset)));
    this.received = answer.received;
    this.#mark();
    this.#say("sending");
  }

  // After an interruption nobody knows whether the piece had arrived: the studio is asked.
  async #arrived() { return get(`/api/v1/uploads/${this.id}`); }

  // Tries until it works. Only a lost connection or a busy studio is worth another try; words are passed on.
  async #patiently(action) {
    for (let attempt = 0; ; attempt += 1) {
      if (this.state === "cancelled") throw new Error("cancelled");
      try {
        return await action(attempt === 0);
      } catch (error) {
        if (error.status === 409 && error.received !== null) return { received: error.received };
        if (this.state === "cancelled" || (error.status && error.status < 500) || error.status === 507) throw error;
        await this.#rest(PAUSES[Math.min(attempt, PAUSES.length - 1)]);
      }
    }
  }

  async #rest(seconds) {
    this.marks = [];
    for (this.pause = seconds; this.pause > 0 && this.state !== "cancelled"; this.pause -= 1) {
      this.#say("paused");
      await new Promise((resolve) => { this.wake = resolve; setTimeout(resolve, 1000); });
    }
    this.#say("sending");
  }

  #mark() {
    this.marks.push({ at: performance.now(), received: this.received });
    if (this.marks.length > 2 * WINDOW) this.marks.splice(0, this.marks.length - 2 * WINDOW);
  }

  #say(state, error = null) {
    if (this.state === "cancelled") return;
    Object.assign(this, { state, error: error?.message ?? null, hint: error?.hint ?? "" });
    this.changed(this);
  }
}

function kept() {
  try { return JSON.parse(localStorage.getItem(KEPT)) ?? []; } catch { return []; }
}

function keep(upload) {
  localStorage.setItem(KEPT, JSON.stringify([...kept().filter(({ id }) => id !== upload.id), upload]));
}

export function forget(id) {
  localStorage.setItem(KEPT, JSON.stringify(kept().filter((upload) => upload.id !== id)));
}

// The uploads that this browser began and did not finish, with how much of each has arrived; one that the studio no
// longer knows is forgotten.
export async function unfinished() {
  const found = [];
  for (const upload of kept()) {
    try {
      const { received } = await get(`/api/v1/uploads/${upload.id}`);
      found.push({ ...upload, received });
    } catch (error) {
      if (error.status === 404) forget(upload.id);
    }
  }
  return found;
}
