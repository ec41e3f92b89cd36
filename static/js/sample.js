// The sample: one click from any empty page to a run that trains.

import { post } from "./api.js";

export async function startSample() {
  const run = await post("/api/v1/sample");
  location.href = `/run?run=${run.id}`;
}
