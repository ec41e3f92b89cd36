"""Another server in place of the studio's own models: ours as the other one, and worse ones."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from openai import APIError, BadRequestError, InternalServerError, NotFoundError, OpenAI
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from storage import cached_answers, database
from storage.database import Database
from storage.settings import Settings
from tests.worker.chat.conftest import Family
from tests.worker.chat.test_engine import alone, eventually
from tests.worker.chat.test_main import HOUSE, free_port, wait_until_up
from tests.worker.chat.test_server import HELLO, RENDERED, Running, Served
from worker.chat.other_server import OtherServer
from worker.chat.recall import Recall
from worker.chat.server import create_app

ASKED: dict[str, Any] = {"model": "adapter:plain", "messages": HELLO, "max_tokens": 12}


@pytest.fixture(scope="module")
def running(llama: Family) -> Iterator[Running]:
    running = Running(llama)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = database.opened(Settings(home=tmp_path_factory.mktemp("home")))
    yield opened
    opened.close()


Passed = Callable[[str], OpenAI]


@pytest.fixture
def passed(opened: Database) -> Iterator[Passed]:
    """Gives a client of a server that passes on to an address; its cache is empty."""
    cached_answers.forget(opened)
    servers: list[Served] = []

    def to(address: str) -> OpenAI:
        servers.append(Served(create_app(OtherServer(address, "secret", Recall(opened)))))
        return OpenAI(base_url=f"{servers[-1].address}/v1", api_key="none", max_retries=0)

    yield to
    for server in servers:
        server.stop()


def test_its_models_are_listed_by_their_names(passed: Passed, running: Running) -> None:
    client = passed(f"{running.address}/v1/")
    listed = {model.id: model.model_extra for model in client.models.list()}
    assert listed["adapter:dora"] == {"studio": {"title": "adapter:dora", "base": None}}
    assert client.models.retrieve("adapter:dora").id == "adapter:dora"
    with pytest.raises(NotFoundError, match="no model called"):
        client.models.retrieve("adapter:none")


def test_its_answers_come_through_whole_and_streamed(
    passed: Passed, running: Running, llama: Family
) -> None:
    client = passed(running.address)
    expected = alone(llama, "plain", RENDERED.format("Hello"), 12)
    whole = client.chat.completions.create(**ASKED, temperature=0)
    assert whole.choices[0].message.content == expected
    assert whole.model_extra is not None
    assert whole.model_extra["studio"]["sure"] < 0
    stream = client.chat.completions.create(
        **ASKED,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"studio": {"fresh": True}},
    )
    chunks = list(stream)
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(said) == expected
    assert len([piece for piece in said if piece]) > 1, "piece by piece"
    first, again = whole.usage, chunks[-1].usage
    assert first is not None
    assert again is not None
    assert again.total_tokens == first.total_tokens
    assert again.prompt_tokens_details is not None
    assert again.prompt_tokens_details.cached_tokens == first.prompt_tokens - 1


def test_settings_and_seeds_go_along(passed: Passed, running: Running) -> None:
    drawn: dict[str, Any] = {**ASKED, "temperature": 1.3, "top_p": 0.9, "stop": ["zzz"], "seed": 8}
    with OpenAI(base_url=f"{running.address}/v1", api_key="none") as direct:
        there = direct.chat.completions.create(**drawn, n=2)
    here = passed(running.address).chat.completions.create(**drawn, n=2)
    texts = [choice.message.content for choice in here.choices]
    assert texts == [choice.message.content for choice in there.choices]
    assert texts[0] != texts[1]


def test_the_cache_holds_there_too(passed: Passed, running: Running, opened: Database) -> None:
    client = passed(running.address)
    first = client.chat.completions.create(**ASKED, temperature=0)
    again = first
    while not (again.model_extra or {})["studio"]["cached"]:
        again = client.chat.completions.create(**ASKED, temperature=0)
    assert again.choices[0].message == first.choices[0].message
    assert again.usage is not None
    assert first.usage is not None
    assert again.usage.total_tokens == first.usage.total_tokens


def test_its_refusals_come_in_its_own_words(passed: Passed, running: Running) -> None:
    client = passed(running.address)
    for stream in (False, True):
        with pytest.raises(NotFoundError, match="no model called adapter:none") as unknown:
            client.chat.completions.create(**{**ASKED, "model": "adapter:none"}, stream=stream)
        assert unknown.value.code == "model_not_found"
    with pytest.raises(BadRequestError, match="can hold 512"):
        client.chat.completions.create(**{**ASKED, "max_tokens": 5000})


def test_hanging_up_ends_the_writing_there(passed: Passed, running: Running) -> None:
    client = passed(running.address)
    stream = client.chat.completions.create(**{**ASKED, "max_tokens": 450}, stream=True)
    next(iter(stream))
    next(iter(stream))
    stream.close()
    eventually(lambda: running.engine.running == 0)


def test_a_server_that_is_away_is_said_in_words(passed: Passed) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    client = passed(address)
    with pytest.raises(InternalServerError, match=f"{address} does not answer") as away:
        client.chat.completions.create(**ASKED)
    assert (away.value.status_code, away.value.code) == (503, "chat_unavailable")
    with pytest.raises(InternalServerError, match="does not answer"):
        client.models.list()


class Odd:
    """A server that misbehaves in the way a test says; it notes what it was asked."""

    def __init__(self, answer: Callable[[], Response]) -> None:
        self.asked: list[tuple[dict[str, Any], str | None]] = []
        app = FastAPI()
        app.add_api_route("/v1/models", self._any, methods=["GET"])
        app.add_api_route("/v1/chat/completions", self._any, methods=["POST"])
        self._answer = answer
        self.served = Served(app)

    async def _any(self, request: Request) -> Response:
        body = await request.json() if request.method == "POST" else {}
        self.asked.append((body, request.headers.get("authorization")))
        return self._answer()


async def dying() -> AsyncIterator[bytes]:
    yield b'data: {"choices":[{"index":0,"delta":{"content":"Drink"}}]}\n\n'
    await asyncio.sleep(0.05)
    raise RuntimeError("out of memory")


async def ending_early() -> AsyncIterator[bytes]:
    yield b'data: {"choices":[{"index":0,"delta":{"content":"Drink"}}]}\n\n'


async def failing() -> AsyncIterator[bytes]:
    yield b'data: {"choices":[{"index":0,"delta":{"content":"Drink"}}]}\n\n'
    yield b'data: {"error":{"message":"The card is full.","code":"oom"}}\n\n'


async def babbling() -> AsyncIterator[bytes]:
    yield b"data: <html>\n\n"


async def sparse() -> AsyncIterator[bytes]:
    """The least that the protocol asks for: no usage, comments between."""
    yield b": hello\n\n"
    yield b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
    yield b'data: {"choices":[{"index":0,"delta":{"content":"Rest"},"finish_reason":null}]}\n\n'
    yield b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    yield b"data: [DONE]\n\n"


async def counting() -> AsyncIterator[bytes]:
    """As sparse, and then says what it took as OpenAI's servers do."""
    async for line in sparse():
        if b"DONE" in line:
            yield (
                b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,'
                b'"total_tokens":11,"prompt_tokens_details":{"cached_tokens":7}}}\n\n'
            )
        yield line


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: StreamingResponse(dying()), "ended in the middle of the answer"),
        (lambda: StreamingResponse(ending_early()), "ended in the middle of the answer"),
        (lambda: StreamingResponse(failing()), "The card is full"),
        (lambda: StreamingResponse(babbling()), "does not speak the OpenAI protocol"),
        (lambda: PlainTextResponse("Bad gateway", 502), "answered with status 502"),
        (lambda: JSONResponse({"detail": "Not Found"}, 404), "Not Found"),
        (lambda: JSONResponse({"error": "model is loading"}, 503), "model is loading"),
        (lambda: JSONResponse({"error": {"message": "No key"}}, 401), "No key"),
        (lambda: PlainTextResponse("hello"), "ended in the middle of the answer"),
    ],
)
def test_what_goes_wrong_there_is_said_here(
    passed: Passed, answer: Callable[[], Response], words: str
) -> None:
    odd = Odd(answer)
    client = passed(odd.served.address)
    try:
        with pytest.raises(APIError, match=words):
            client.chat.completions.create(**ASKED)
        with pytest.raises(APIError, match=words):
            list(client.chat.completions.create(**ASKED, stream=True))
    finally:
        odd.served.stop()


def test_a_server_that_says_the_least_is_understood_and_shown_the_key(passed: Passed) -> None:
    odd = Odd(lambda: StreamingResponse(sparse()))
    try:
        whole = passed(odd.served.address).chat.completions.create(**ASKED)
    finally:
        odd.served.stop()
    assert whole.choices[0].message.content == "Rest"
    assert whole.model_extra is not None
    assert whole.model_extra["studio"]["sure"] is None
    body, key = odd.asked[0]
    assert key == "Bearer secret"
    assert body == {**ASKED, "stream": True, "stream_options": {"include_usage": True}}


def test_what_an_answer_took_there_is_told_here(passed: Passed) -> None:
    odd = Odd(lambda: StreamingResponse(counting()))
    try:
        usage = passed(odd.served.address).chat.completions.create(**ASKED).usage
    finally:
        odd.served.stop()
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (9, 2)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.cached_tokens == 7


def test_a_list_of_models_that_is_none_is_said_in_words(passed: Passed) -> None:
    odd = Odd(lambda: JSONResponse({"models": []}))
    try:
        with pytest.raises(InternalServerError, match="list of models cannot be read"):
            passed(odd.served.address).models.list()
    finally:
        odd.served.stop()


def test_the_studios_own_server_passes_on_where_the_settings_say_so(
    running: Running, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, chat_port=free_port(), chat_url=running.address)
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.chat"], cwd=HOUSE, env=settings.environment()
    )
    try:
        wait_until_up(settings.chat_address)
        with OpenAI(base_url=f"{settings.chat_address}/v1", api_key="none") as client:
            assert "adapter:plain" in {model.id for model in client.models.list()}
            there = client.chat.completions.create(**ASKED, temperature=0)
        assert there.choices[0].message.content
    finally:
        process.kill()
        process.wait()
