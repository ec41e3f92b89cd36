"""What the protocol promises beyond one answer: several at once, what ours adds, other clients."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from openai import OpenAI

from tests.worker.chat.conftest import CONTEXT, Family
from tests.worker.chat.test_engine import alone
from tests.worker.chat.test_server import HELLO, RENDERED, Running

DRAWN: dict[str, Any] = {"messages": HELLO, "temperature": 1.2, "max_tokens": 12}


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
    with httpx.Client(base_url=running.address, timeout=60) as client:
        yield client


def test_each_of_several_answers_is_that_of_its_own_seed(client: OpenAI) -> None:
    several = client.chat.completions.create(model="base:1", n=3, seed=5, **DRAWN)
    assert [choice.index for choice in several.choices] == [0, 1, 2]
    single = [
        client.chat.completions.create(model="base:1", seed=5 + index, **DRAWN)
        for index in range(3)
    ]
    texts = [choice.message.content for choice in several.choices]
    assert texts == [one.choices[0].message.content for one in single]
    assert len(set(texts)) == 3
    assert several.usage is not None
    assert several.usage.completion_tokens == sum(
        one.usage.completion_tokens for one in single if one.usage is not None
    )
    assert several.usage.prompt_tokens == single[0].usage.prompt_tokens


def test_several_answers_stream_side_by_side(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="base:1", n=2, seed=5, **DRAWN)
    stream = client.chat.completions.create(
        model="base:1", n=2, seed=5, stream=True, stream_options={"include_usage": True}, **DRAWN
    )
    texts, reasons, usage = ["", ""], {}, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
    assert texts == [choice.message.content for choice in whole.choices]
    assert reasons == {choice.index: choice.finish_reason for choice in whole.choices}
    assert usage == whole.usage


def test_what_ours_adds_stands_under_its_own_name(plain: httpx.Client) -> None:
    body = {"model": "base:1", "messages": HELLO, "max_tokens": 4, "temperature": 0}
    told = plain.post("/v1/chat/completions", json=body).json()["studio"]
    assert {name: told[name] for name in ("cached", "dropped_turns", "verdicts", "profile")} == {
        "cached": False,
        "dropped_turns": 0,
        "verdicts": [],
        "profile": None,
    }
    assert -20 < told["sure"] < 0


def talk(turns: int) -> list[dict[str, str]]:
    """A conversation with a system prompt, `turns` turns, and a last question."""
    said = [{"role": "system", "content": "Be kind."}]
    for number in range(turns):
        said.append({"role": "user", "content": f"Question {number}: what is a fever?"})
        said.append({"role": "assistant", "content": "A fever is a body temperature above 38."})
    return [*said, {"role": "user", "content": "Hello"}]


def rendered(gone: int) -> str:
    """The prompt of `talk(40)` without its first turns."""
    said = talk(40)
    kept = [said[0], *said[1 + 2 * gone :]]
    told = "".join(f"<|im_start|>{one['role']}\n{one['content']}<|im_end|>\n" for one in kept)
    return f"{told}<|im_start|>assistant\n"


def test_the_oldest_turns_make_room_and_the_answer_says_how_many(
    plain: httpx.Client, llama: Family
) -> None:
    body = {"model": "base:1", "messages": talk(40), "max_tokens": 16, "temperature": 0}
    answer = plain.post("/v1/chat/completions", json=body).json()
    gone = answer["studio"]["dropped_turns"]
    lengths = [len(llama.prompt(rendered(count))) for count in (gone - 1, gone)]
    assert lengths[1] <= CONTEXT - 16 < lengths[0], "not one turn more than must"
    expected = alone(llama, None, rendered(gone), 16)
    assert answer["choices"][0]["message"]["content"] == expected


def test_a_stream_says_what_was_dropped_too(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="base:1",
        messages=talk(40),
        max_tokens=4,
        stream=True,
    )
    told = [chunk.model_extra or {} for chunk in stream]
    assert told[-1]["studio"]["dropped_turns"] > 0


def test_a_last_question_that_does_not_fit_is_refused_in_words(plain: httpx.Client) -> None:
    said = [*talk(3), {"role": "user", "content": "Drink water. " * 400}]
    answer = plain.post("/v1/chat/completions", json={"model": "base:1", "messages": said})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


@pytest.fixture
def other_client(running: Running, monkeypatch: pytest.MonkeyPatch) -> InferenceClient:
    """Hugging Face's own client, which shares no code with OpenAI's."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    return InferenceClient(base_url=running.address, api_key="none", timeout=60)


def test_a_client_of_somebody_else_is_answered(
    other_client: InferenceClient, llama: Family
) -> None:
    answer = other_client.chat_completion(HELLO, model="adapter:plain", temperature=0, max_tokens=9)
    expected = alone(llama, "plain", RENDERED.format("Hello"), 9)
    assert answer.choices[0].message.content == expected
    assert answer.usage.completion_tokens <= 9
    stream = other_client.chat_completion(
        HELLO, model="adapter:plain", temperature=0, max_tokens=9, stream=True
    )
    pieces = [choice.delta.content or "" for chunk in stream for choice in chunk.choices]
    assert "".join(pieces) == expected


def test_a_client_of_somebody_else_is_refused_in_words(other_client: InferenceClient) -> None:
    with pytest.raises(HfHubHTTPError, match="no model called"):
        other_client.chat_completion(HELLO, model="adapter:none", max_tokens=9)
