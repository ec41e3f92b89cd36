"""A chat server of the OpenAI protocol that writes slowly, breaks when told, and notes all."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

STUDIO = {
    "prompt_tokens": 31, "completion_tokens": 12, "seconds_to_first": 0.125,
    "tokens_per_second": 77.5, "batch_rows": 2, "template": "base:one", "cached": False,
    "dropped_turns": 1, "profile": "general",
    "verdicts": [{"rule": "dose", "topic": "dosage", "action": "note", "words": "Ask a pharmacist.",
                  "side": "output"}],
}  # fmt: skip
"""What stands in the last chunk of an answer beside the protocol's own fields."""


class SlowWriter:
    """Writes `words` one after the other, with the contestant's name all over each chunk.

    Attributes:
        asked: the bodies of the requests.
        gone: set when an answer ended, also because nobody listened any more.
        written: words of the answer under way.
        dies_after: so many words, then the connection breaks.
        refuses: the words of a refusal that comes instead of an answer.
        seconds: between two words.
    """

    def __init__(self, words: tuple[str, ...] = ("Honey", " and", " rest")) -> None:
        self.words = words
        self.asked: list[dict[str, Any]] = []
        self.gone = threading.Event()
        self.written = 0
        self.dies_after: int | None = None
        self.refuses = ""
        self.seconds = 0.0
        self.app = FastAPI()
        self.app.add_api_route("/v1/chat/completions", self._complete, methods=["POST"])

    async def _complete(self, request: Request) -> Response:
        asked = await request.json()
        self.asked.append(asked)
        if self.refuses:
            error = {"message": self.refuses, "type": "invalid_request_error"}
            return JSONResponse({"error": error}, 400)
        return StreamingResponse(self._stream(asked["model"]), media_type="text/event-stream")

    async def _stream(self, model: str) -> AsyncIterator[bytes]:
        try:
            yield _chunk(model, {"role": "assistant", "content": ""})
            for number, word in enumerate(self.words, 1):
                self.written = number
                yield _chunk(model, {"content": word})
                await asyncio.sleep(self.seconds)
                if self.dies_after == number:
                    raise RuntimeError("killed")
            yield _chunk(model, {}, finish_reason="stop", studio={**STUDIO, "template": model})
            usage = {"completion_tokens": 12, "prompt_tokens": 31, "total_tokens": 43}
            yield _event({"model": model, "choices": [], "usage": usage})
            yield b"data: [DONE]\n\n"
        finally:
            self.gone.set()


def _chunk(
    model: str, delta: dict[str, Any], finish_reason: str | None = None, **more: Any
) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    fingerprint = {"id": f"chatcmpl-{model}", "system_fingerprint": model, "model": model}
    return _event({**fingerprint, "choices": [choice], **more})


def _event(told: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(told).encode() + b"\n\n"
