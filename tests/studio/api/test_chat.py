"""The chat protocol, passed through to a chat server that streams."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import openai
import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from studio.services.studio import Studio

QUESTION = {"model": "base:x", "messages": [{"role": "user", "content": "Hello"}], "stream": True}


class Writer:
    """A chat server that writes one word every tenth of a second, and notes what happens to it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.gone = threading.Event()
        self.written = 0
        self.dies_after: int | None = None
        self.app = FastAPI()
        self.app.add_api_route("/v1/chat/completions", self._complete, methods=["POST"])
        self.app.add_api_route("/v1/models", self._models, methods=["GET"])

    async def _complete(self, request: Request) -> Response:
        asked = await request.json()
        self.asked.append(asked)
        if not asked.get("stream"):
            return await self._whole(request)
        return StreamingResponse(self._words(), media_type="text/event-stream")

    async def _whole(self, request: Request) -> Response:
        while not await request.is_disconnected():
            await asyncio.sleep(0.05)
        self.gone.set()
        return JSONResponse({})

    async def _words(self) -> AsyncIterator[bytes]:
        try:
            for number in range(100):
                self.written = number + 1
                yield b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
                await asyncio.sleep(0.1)
                if self.dies_after == number + 1:
                    raise RuntimeError("out of memory")
            yield b"data: [DONE]\n\n"
        finally:
            self.gone.set()

    async def _models(self) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "base:x", "object": "model"}]})


@pytest.fixture
def writer(
    studio: Studio, served_at: Callable[[FastAPI, int], AbstractContextManager[str]]
) -> Iterator[Writer]:
    """A chat server where the studio expects one."""
    found = Writer()
    with served_at(found.app, studio.settings.chat_port):
        yield found


def test_an_answer_arrives_while_it_is_being_written(client: httpx.Client, writer: Writer) -> None:
    with client.stream("POST", "/v1/chat/completions", json=QUESTION) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert "word" in next(lines)
        assert writer.written < 20, "the first word came only when many were written"
    assert writer.asked == [QUESTION]


def test_the_writing_ends_at_once_when_the_reader_is_gone(
    client: httpx.Client, writer: Writer
) -> None:
    with client.stream("POST", "/v1/chat/completions", json=QUESTION) as answer:
        next(answer.iter_lines())
    assert writer.gone.wait(2)
    assert writer.written < 50


def test_an_answer_that_has_not_begun_ends_too(client: httpx.Client, writer: Writer) -> None:
    begun = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json={**QUESTION, "stream": False}, timeout=2)
    assert writer.asked, "the machine was too busy for the question to arrive"
    assert writer.gone.wait(10)
    assert time.monotonic() - begun < 12


def test_the_openai_client_is_understood(client: httpx.Client, writer: Writer) -> None:
    with openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="none") as theirs:
        assert [one.id for one in theirs.models.list()] == ["base:x"]


def test_a_chat_server_that_is_away_is_said_in_words(client: httpx.Client) -> None:
    answer = client.post("/v1/chat/completions", json=QUESTION)
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("server_error", "chat_unavailable")
    assert "may still be starting" in error["message"]

    with (
        openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="none", max_retries=0) as theirs,
        pytest.raises(openai.InternalServerError, match="does not answer"),
    ):
        theirs.models.list()


def test_an_answer_that_breaks_off_says_so(client: httpx.Client, writer: Writer) -> None:
    writer.dies_after = 2
    lines = client.post("/v1/chat/completions", json=QUESTION).text.strip().splitlines()
    assert sum("word" in line for line in lines) == 2
    assert "ended in the middle of the answer" in lines[-1]
