// Speaks to the studio's JSON API; a refusal becomes an error with the studio's own words.

import { lost, restored } from "./connection.js";
import { t } from "./words.js";

export class ApiError extends Error {
  constructor(status, body) {
    const error = body?.error ?? {};
    super(error.message ?? t("error.no_answer"));
    this.status = status;
    this.hint = error.hint ?? "";
    this.faults = body?.faults ?? [];
    this.received = error.detail?.received ?? null;
  }
}

async function call(method, path, body, signal) { return (await exchange(method, path, body, signal))[0]; }

async function exchange(method, path, body, signal) {
  const options = { method, headers: { accept: "application/json" }, signal };
  if (body instanceof Blob) {
    options.headers["content-type"] = "application/octet-stream";
    options.body = body;
  } else if (body !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const [response, text] = await answer(path, options);
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { value = null; }
  if (!response.ok) throw new ApiError(response.status, value);
  return [value, response.headers];
}

async function answer(path, options) {
  try {
    const response = await fetch(path, options);
    const text = await response.text();
    restored();
    return [response, text];
  } catch {
    if (!leaving && !options.signal?.aborted) lost();
    throw new ApiError(0, { error: { message: t("connection.lost") } });
  }
}

// A page that is being left has its requests cut off, which says nothing about the studio.
let leaving = false;
addEventListener("pagehide", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

export const get = (path) => call("GET", path);
export const getWithHeaders = (path) => exchange("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
export const put = (path, body, signal) => call("PUT", path, body, signal);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);
export const parameter = (name) => new URLSearchParams(location.search).get(name);

// Calls `look` now and every `seconds`; slower while the page is hidden. Returns a function that ends it.
export function poll(look, seconds) {
  let ended = false;
  async function round() {
    if (ended) return;
    try { await look(); } catch (error) { console.debug(error); }
    if (!ended) setTimeout(round, 1000 * seconds * (document.hidden ? 5 : 1));
  }
  round();
  return () => { ended = true; };
}
