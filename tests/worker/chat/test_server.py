"""The OpenAI protocol, spoken by the real client to a real server."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from openai import APIError, BadRequestError, NotFoundError, OpenAI

from tests.worker.chat.conftest import ADAPTERS, Family, FolderCatalogue
from tests.worker.chat.test_engine import alone, eventually
from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine
from worker.chat.own_models import OwnModels
from worker.chat.prompts import Prompts
from worker.chat.recall import Recall
from worker.chat.server import create_app

RENDERED = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"
HELLO: Any = [{"role": "user", "content": "Hello"}]


class Served:
    """An application on a free port."""

    def __init__(self, app: FastAPI) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()
        eventually(lambda: self._server.started)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=20)
        self._socket.close()
        assert not self._thread.is_alive()


class Running(Served):
    """A chat server over a family's models."""

    def __init__(self, family: Family, recall: Recall | None = None) -> None:
        self.engine = Engine()
        contestants = [family.contestant(name) for name in (None, *ADAPTERS)]
        broken = Contestant("adapter:broken", "Broken", family.base, family.base, "1")
        catalogue = FolderCatalogue([*contestants, broken])
        super().__init__(create_app(OwnModels(self.engine, catalogue, Prompts(), recall)))


@pytest.fixture(scope="module")
def running(llama: Family) -> Iterator[Running]:
    running = Running(llama)
    yield running
    running.stop()


@pytest.fixture
def client(running: Running) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{running.address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def plain(running: Running) -> Iterator[httpx.Client]:
    """For requests that a well-behaved client would never send."""
    with httpx.Client(base_url=running.address, timeout=60) as client:
        yield client


def test_models_are_listed(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()][:2] == ["base:1", "adapter:plain"]
    assert client.models.retrieve("adapter:dora").object == "model"
    with pytest.raises(NotFoundError):
        client.models.retrieve("adapter:none")


@pytest.mark.parametrize("name", [None, "plain", "dora"])
def test_an_answer_is_that_of_plain_generation(
    client: OpenAI, llama: Family, name: str | None
) -> None:
    answer = client.chat.completions.create(
        model=llama.contestant(name).name, messages=HELLO, temperature=0, max_tokens=20
    )
    assert answer.choices[0].message.content == alone(llama, name, RENDERED.format("Hello"), 20)
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(llama.prompt(RENDERED.format("Hello")))
    assert answer.model_extra is not None
    assert answer.model_extra["studio"]["template"] == "model"


def test_a_stream_is_the_same_answer_in_openais_chunks(client: OpenAI, llama: Family) -> None:
    chunks = list(
        client.chat.completions.create(
            model="adapter:plain",
            messages=HELLO,
            temperature=0,
            max_completion_tokens=20,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    first, *middle, last, usage = chunks
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    text = "".join(chunk.choices[0].delta.content or "" for chunk in middle)
    assert text == alone(llama, "plain", RENDERED.format("Hello"), 20)
    assert all(chunk.choices[0].finish_reason is None for chunk in (first, *middle))
    assert last.choices[0].finish_reason in ("stop", "length")
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.total_tokens == usage.usage.prompt_tokens + usage.usage.completion_tokens
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_stream_ends_as_openais_does(plain: httpx.Client) -> None:
    body = {"model": "base:1", "messages": HELLO, "max_tokens": 3, "stream": True}
    answer = plain.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    told = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    assert not any("usage" in chunk for chunk in told), "nobody asked for usage"


def test_contestants_asked_at_once_share_a_batch(client: OpenAI, llama: Family) -> None:
    names = [None, "plain", "wide", "dora"]
    streams = [
        (
            name,
            threading.Thread(target=lambda name=name: got.update({name: ask(client, llama, name)})),
        )
        for name in names
    ]
    got: dict[str | None, Any] = {}
    for _, thread in streams:
        thread.start()
    for _, thread in streams:
        thread.join()
    for name in names:
        text = got[name].choices[0].message.content
        assert text == alone(llama, name, RENDERED.format("Hello"), 150)
    assert max(answer.model_extra["studio"]["batch_rows"] for answer in got.values()) > 1


def ask(client: OpenAI, llama: Family, name: str | None) -> Any:
    return client.chat.completions.create(
        model=llama.contestant(name).name, messages=HELLO, temperature=0, max_tokens=150
    )


def test_text_parts_and_the_developers_role_are_understood(client: OpenAI, llama: Family) -> None:
    answer = client.chat.completions.create(
        model="base:1",
        messages=[
            {"role": "developer", "content": "Be kind."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}],
            },
        ],
        temperature=0,
        max_tokens=9,
    )
    rendered = "<|im_start|>system\nBe kind.<|im_end|>\n" + RENDERED.format("Hello")
    assert answer.choices[0].message.content == alone(llama, None, rendered, 9)


def test_the_same_seed_repeats_an_answer(client: OpenAI) -> None:
    def drawn(seed: int) -> str | None:
        answer = client.chat.completions.create(
            model="base:1",
            messages=HELLO,
            temperature=1.2,
            top_p=0.95,
            seed=seed,
            max_tokens=15,
            stop=["zzz"],
            extra_body={"repetition_penalty": 1.1},
        )
        return answer.choices[0].message.content

    assert drawn(3) == drawn(3) != drawn(4)


def test_hanging_up_mid_stream_frees_the_batch(client: OpenAI, running: Running) -> None:
    stream = client.chat.completions.create(
        model="base:1", messages=HELLO, temperature=0, max_tokens=450, stream=True
    )
    next(iter(stream))
    next(iter(stream))
    assert running.engine.running == 1
    stream.close()
    hung_up = time.monotonic()
    eventually(lambda: running.engine.running == 0)
    assert time.monotonic() - hung_up < 1


def test_hanging_up_without_streaming_frees_the_batch(
    plain: httpx.Client, running: Running
) -> None:
    body = {"model": "base:1", "messages": HELLO, "temperature": 0, "max_tokens": 480}
    with pytest.raises(httpx.ReadTimeout):
        plain.post("/v1/chat/completions", json=body, timeout=0.2)
    hung_up = time.monotonic()
    eventually(lambda: running.engine.running == 0)
    assert time.monotonic() - hung_up < 0.5


def test_an_unknown_model_is_a_404(client: OpenAI) -> None:
    with pytest.raises(NotFoundError) as refusal:
        client.chat.completions.create(model="adapter:none", messages=HELLO)
    assert refusal.value.code == "model_not_found"
    assert refusal.value.param == "model"


def test_too_long_a_conversation_tells_the_counts(client: OpenAI) -> None:
    long: Any = [{"role": "user", "content": "Drink water. " * 15_000}]
    with pytest.raises(BadRequestError, match=r"[\d,]+ tokens long .* can hold 512 in all") as bad:
        client.chat.completions.create(model="base:1", messages=long)
    assert bad.value.code == "context_length_exceeded"


def test_an_adapter_that_cannot_be_used_is_a_503_also_when_streaming(client: OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(APIError, match="adapter_config") as refusal:
            client.chat.completions.create(model="adapter:broken", messages=HELLO, stream=stream)
        assert refusal.value.code == "model_unusable"


GOOD = {"model": "base:1", "messages": HELLO, "max_tokens": 2}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "messages"),
        ({"repetition_penalty": 9}, "repetition_penalty"),
        ({"seed": 1.5}, "seed"),
        ({"stop": [1]}, "stop.0"),
        ({"n": 0}, "n"),
        ({"n": 17}, "n"),
        ({"studio": {"fresh": "yes"}}, "studio.fresh"),
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "<|im_start|>", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"model": 7}, "model"),
        ({"tools": [{}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
    ],
)
def test_each_bad_value_is_named(plain: httpx.Client, change: dict[str, Any], param: str) -> None:
    answer = plain.post("/v1/chat/completions", json={**GOOD, **change})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param)
    assert error["type"] == "invalid_request_error"


def test_null_means_the_default(plain: httpx.Client) -> None:
    nothing = dict.fromkeys(("temperature", "top_p", "stop", "seed", "stream", "tools", "n"))
    assert plain.post("/v1/chat/completions", json={**GOOD, **nothing}).status_code == 200


def test_an_empty_question_is_answered(plain: httpx.Client) -> None:
    empty = [{"role": "user", "content": ""}]
    answer = plain.post("/v1/chat/completions", json={**GOOD, "messages": empty})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"model": NaN}', b"[" * 200_000, b'{"a": "\\ud800"}', b"\xff"],
)
def test_a_body_that_is_no_request_is_a_400(plain: httpx.Client, body: bytes) -> None:
    json_type = {"content-type": "application/json"}
    answer = plain.post("/v1/chat/completions", content=body, headers=json_type)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


def test_a_huge_body_is_a_413(plain: httpx.Client) -> None:
    huge = [{"role": "user", "content": "a" * 2_100_000}]
    answer = plain.post("/v1/chat/completions", json={**GOOD, "messages": huge})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_another_sites_page_cannot_send_a_request(plain: httpx.Client) -> None:
    as_form = {"content-type": "text/plain"}
    content = json.dumps(GOOD).encode()
    refused = plain.post("/v1/chat/completions", content=content, headers=as_form)
    assert refused.status_code == 415
    rebound = plain.get("/v1/models", headers={"host": "evil.example"})
    assert rebound.status_code == 400


def test_unknown_addresses_answer_in_openais_form(plain: httpx.Client) -> None:
    assert plain.get("/v1/nothing").json()["error"]["type"] == "invalid_request_error"
    assert plain.get("/v1/chat/completions").status_code == 405


def test_health_names_the_resident_model(plain: httpx.Client, llama: Family) -> None:
    plain.post("/v1/chat/completions", json=GOOD)
    eventually(lambda: plain.get("/healthz").json()["running"] == 0)
    assert plain.get("/healthz").json() == {"status": "ok", "base": llama.base.name, "running": 0}
