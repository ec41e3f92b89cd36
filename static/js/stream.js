// Reads an answer of the OpenAI chat protocol piece by piece.

import { t } from "./words.js";

// Sends a request and hands each piece of text to `write`. Returns {text, reason, tokens, tokens_per_second, note}.
export async function stream(request, signal, write) {
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.ok) throw new Error(await refusal(response));
  const end = { text: "", reason: "stop", tokens: null, tokens_per_second: null, note: "" };
  for await (const event of events(response.body)) {
    if (event.error) throw new Error(event.error.message);
    const choice = event.choices?.[0];
    const piece = choice?.delta?.content;
    if (piece) { end.text += piece; write(piece); }
    if (choice?.finish_reason) end.reason = choice.finish_reason;
    if (event.usage) end.tokens = event.usage.completion_tokens;
    if (event.studio) Object.assign(end, { tokens_per_second: event.studio.tokens_per_second ?? end.tokens_per_second, note: event.studio.note ?? end.note });
  }
  return end;
}

async function refusal(response) {
  const body = await response.json().catch(() => null);
  return body?.error?.message ?? t("chat.no_answer");
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
