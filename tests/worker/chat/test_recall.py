"""The answer cache: the same question to the same model is answered without writing it again."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage import cached_answers, database
from storage.cached_answers import CachedAnswer
from storage.database import Database
from storage.settings import Settings
from tests.worker.chat.conftest import Family, make_adapter
from tests.worker.chat.test_engine import eventually
from tests.worker.chat.test_server import HELLO, Running
from worker.chat.recall import Recall
from worker.chat.sampling import Sampling

GREEDY: dict[str, Any] = {
    "model": "adapter:plain",
    "messages": HELLO,
    "temperature": 0,
    "max_tokens": 12,
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = database.opened(Settings(home=tmp_path_factory.mktemp("home")))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def running(llama: Family, opened: Database) -> Iterator[Running]:
    running = Running(llama, Recall(opened))
    yield running
    running.stop()


@pytest.fixture
def client(running: Running, opened: Database) -> Iterator[httpx.Client]:
    """Talks to a server whose cache is empty."""
    cached_answers.forget(opened)
    with httpx.Client(base_url=running.address, timeout=60) as client:
        yield client


def ask(client: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = client.post("/v1/chat/completions", json={**GREEDY, **changes})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def count(opened: Database) -> int:
    with opened.read() as session:
        return int(
            session.connection().exec_driver_sql("select count(*) from cached_answers").scalar_one()
        )


def ask_until_kept(client: httpx.Client, opened: Database, **changes: Any) -> dict[str, Any]:
    before = count(opened)
    told = ask(client, **changes)
    eventually(lambda: count(opened) == before + 1)
    return told


def test_the_same_again_comes_from_the_cache_and_says_so(
    client: httpx.Client, opened: Database
) -> None:
    first = ask_until_kept(client, opened)
    again = ask(client)
    assert (first["studio"]["cached"], again["studio"]["cached"]) == (False, True)
    assert again["choices"][0]["message"] == first["choices"][0]["message"]
    assert again["choices"][0]["finish_reason"] == first["choices"][0]["finish_reason"]
    assert again["usage"] == first["usage"]
    assert again["studio"]["sure"] == first["studio"]["sure"]


def test_it_streams_from_the_cache(client: httpx.Client, opened: Database) -> None:
    first = ask_until_kept(client, opened)
    text = client.post("/v1/chat/completions", json={**GREEDY, "stream": True}).text
    assert '"cached":true' in text
    assert text.endswith("data: [DONE]\n\n")
    chunks = [httpx.Response(200, text=line[6:]).json() for line in text.split("\n\n")[:-2]]
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert said == first["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "adapter:wide"},
        {"model": "base:1"},
        {"messages": [{"role": "user", "content": "Hello!"}]},
        {"max_tokens": 11},
        {"repetition_penalty": 1.2},
        {"temperature": 0.5, "seed": 1},
        {"stop": ["zz"]},
        {"studio": {"fresh": True}},
    ],
)
def test_what_is_asked_otherwise_or_anew_is_written(
    client: httpx.Client, opened: Database, changes: dict[str, Any]
) -> None:
    ask_until_kept(client, opened)
    assert ask(client, **changes)["studio"]["cached"] is False


def test_what_has_no_meaning_for_a_greedy_answer_does_not_matter(
    client: httpx.Client, opened: Database
) -> None:
    ask_until_kept(client, opened)
    assert ask(client, seed=3, top_p=0.5)["studio"]["cached"] is True


def test_a_drawn_answer_is_kept_only_where_its_seed_is_named(
    client: httpx.Client, opened: Database
) -> None:
    ask_until_kept(client, opened, temperature=1, seed=4)
    assert ask(client, temperature=1, seed=4)["studio"]["cached"] is True
    assert ask(client, temperature=1)["studio"]["cached"] is False
    assert ask(client, temperature=1)["studio"]["cached"] is False


def test_of_several_answers_those_that_are_kept_are_not_written(
    client: httpx.Client, opened: Database
) -> None:
    ask_until_kept(client, opened, temperature=1, seed=5)
    told = ask(client, temperature=1, seed=4, n=2)
    assert [choice["studio"]["cached"] for choice in told["choices"]] == [False, True]


def test_an_answer_that_was_cancelled_is_not_kept(client: httpx.Client, opened: Database) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json={**GREEDY, "max_tokens": 450}, timeout=0.1)
    ask_until_kept(client, opened)
    assert count(opened) == 1


def test_an_adapter_trained_again_answers_anew(
    opened: Database, llama: Family, tmp_path: Path
) -> None:
    folder = make_adapter(llama.base, tmp_path / "again", seed=1)
    contestant = Family(llama.base, {"again": folder}).contestant("again")
    sampling = Sampling(temperature=0)

    def key() -> str:
        keeper = Recall(opened).of(contestant, [1, 2], sampling)
        assert keeper is not None
        return keeper.key

    before = key()
    assert key() == before
    weights = folder / "adapter_model.safetensors"
    os.utime(weights, (1, 1))
    assert key() != before
    shutil.rmtree(folder)
    assert Recall(opened).of(contestant, [1, 2], sampling) is None, (
        "who loads it says what is wrong"
    )


def test_a_database_that_fails_costs_the_cache_only(opened: Database, tmp_path: Path) -> None:
    broken = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    keeper = Recall(broken).among(["x"], Sampling(temperature=0))
    assert keeper is not None
    assert keeper.recalled({}) is None
    cached_answers.keep(opened, keeper.key, CachedAnswer(text="x", ended="stop", facts={}))
    assert keeper.recalled({}) is None
    broken.close()
