// Reads an answer of the studio's own API piece by piece: chunks of the OpenAI chat protocol.

import { t } from "./words.js";

// Asks a side to answer and hands each piece of text to `write`. Returns {ended, facts}; an error is thrown in words.
export async function stream(path, signal, write) {
  const response = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: "{}", signal });
  if (!response.ok) throw new Error(await refusal(response));
  const end = { ended: "stop", facts: {} };
  for await (const event of events(response.body)) {
    if (event.error) throw new Error(event.error.message);
    const choice = event.choices?.[0];
    const piece = choice?.delta?.content;
    if (piece) write(piece);
    if (choice?.finish_reason) end.ended = choice.finish_reason;
    if (event.usage) end.facts.tokens = event.usage.completion_tokens;
    if (event.studio) Object.assign(end.facts, event.studio);
  }
  return end;
}

async function refusal(response) {
  const body = await response.json().catch(() => null);
  return body?.error ? `${body.error.message} ${body.error.hint ?? ""}`.trim() : t("chat.no_answer");
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const text = line.replace(/^data: ?/, "").trim();
      if (!line.startsWith("data:") || text === "[DONE]") continue;
      yield JSON.parse(text);
    }
  }
}
