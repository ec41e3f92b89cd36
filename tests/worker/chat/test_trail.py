"""The chat server's questions in the audit trail: each is noted, or not answered."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from storage import audit, audit_check, audit_rules, database, profile_uses
from storage.artifacts import Artifacts
from storage.audit import Action, Entry, Wanted
from storage.audit_rules import Rules
from storage.database import Database
from storage.safety import profiles
from storage.safety.profile import Profile, Rule
from storage.settings import Settings
from tests.worker.chat.conftest import ADAPTERS, Family, FolderCatalogue
from worker.chat.answers import Answer
from worker.chat.care import InCare
from worker.chat.engine import Engine
from worker.chat.exchange import Ending, Event, Piece, Usage
from worker.chat.guards import Guards
from worker.chat.own_models import OwnModels
from worker.chat.prompts import Prompts
from worker.chat.protocol import ChatRequest, Fault
from worker.chat.server import create_app
from worker.chat.trail import InTrail

ADAPTED = f"adapter:{next(iter(ADAPTERS))}"
HELLO = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 3, "temperature": 0}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """An empty studio's database."""
    made = database.opened(Settings(home=tmp_path_factory.mktemp("home")))
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(llama: Family, opened: Database) -> Iterator[TestClient]:
    """A client of a chat server with tiny real models."""
    catalogue = FolderCatalogue([llama.contestant(name) for name in (None, *ADAPTERS)])
    own = OwnModels(Engine(), catalogue, Prompts())
    home = Path(str(opened.engine.url.database)).parent
    models = InCare(own, Guards(opened, home, "anna"))
    app = create_app(InTrail(models, opened, Artifacts(home), "anna"), ["testserver"])
    with TestClient(app) as client:
        yield client


def ask(client: TestClient, model: str = "base:1", **more: Any) -> Any:
    """Ask a question."""
    return client.post("/v1/chat/completions", json={**HELLO, "model": model, **more})


def newest(opened: Database, action: Action = Action.ASKED) -> Entry:
    """Return the newest entry of its kind."""
    return audit.entries(opened, Wanted(action=action), most=1)[0]


def test_a_question_is_noted_with_who_was_asked_and_a_hash_of_what(
    client: TestClient, opened: Database
) -> None:
    assert ask(client, ADAPTED, n=2).status_code == 200
    entry = newest(opened)
    assert (entry.actor, entry.subject) == ("anna", ADAPTED)
    told = entry.told
    assert (told["answers"], told["profile"], told["verdicts"]) == (2, None, [])
    assert told["prompt_sha256"] == hashlib.sha256(b"Hello").hexdigest()
    assert "Hello" not in entry.details


@pytest.mark.parametrize("prompts", ["stored", "left_out"])
def test_a_question_is_stored_or_left_out_as_it_is_set(
    client: TestClient, opened: Database, prompts: Any
) -> None:
    audit_rules.write(opened, "anna", Rules(prompts=prompts))
    with client.stream(
        "POST", "/v1/chat/completions", json={**HELLO, "model": "base:1", "stream": True}
    ) as answer:
        assert answer.read().endswith(b"data: [DONE]\n\n")
    audit_rules.write(opened, "anna", Rules())
    told = newest(opened).told
    assert ("messages" in told) is (prompts == "stored")
    assert "prompt_sha256" not in told


def test_the_profile_in_force_and_what_it_found_are_noted(
    client: TestClient, opened: Database
) -> None:
    home = Path(str(opened.engine.url.database)).parent
    rule = Rule(id="chest", side="input", action="warn", phrases=["chest pain"], words="Call 112.")
    made = profiles.add(home, Profile(format=1, name="Ours", rules=[rule])).id
    profile_uses.put(opened, "anna", profile_uses.STUDIO, made)
    said = [{"role": "user", "content": "I have chest pain."}]
    assert ask(client, messages=said).status_code == 200
    profile_uses.put(opened, "anna", profile_uses.STUDIO, None)
    told = newest(opened).told
    found = [{"rule": "chest", "topic": None, "action": "warn", "side": "input"}]
    assert (told["profile"], told["verdicts"]) == (made, found)


def test_who_is_not_there_was_not_asked(client: TestClient, opened: Database) -> None:
    before = audit.entries(opened, Wanted())
    assert ask(client, "adapter:gone").status_code == 404
    assert client.get("/v1/models").status_code == 200
    assert audit.entries(opened, Wanted()) == before


def test_a_question_that_cannot_be_noted_is_refused_in_words(
    client: TestClient, opened: Database
) -> None:
    with opened.write() as session:
        session.execute(
            text(
                "CREATE TRIGGER full BEFORE INSERT ON audit "
                "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
            )
        )
    for stream in (False, True):
        refused = ask(client, stream=stream)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "not_noted"
        assert "Nothing was answered" in refused.json()["error"]["message"]
    with opened.write() as session:
        session.execute(text("DROP TRIGGER full"))
    assert ask(client).status_code == 200
    assert audit_check.verify(opened).broken is None


def verdict(rule: str, side: str) -> dict[str, Any]:
    """Return what the rules say they have found."""
    return {"rule": rule, "topic": "dosage", "action": "note", "side": side, "words": "See!"}


class Guarded:
    """An answer in which the rules find more and more."""

    def __init__(self) -> None:
        found = [verdict("first", "input")]
        self.facts: dict[str, Any] = {"profile": "general", "verdicts": found, "cached": False}
        self.events: list[Event] = [Piece("Take"), Piece(" two"), Ending("stop", Usage(1))]

    async def next(self) -> Event:
        if isinstance(self.events[0], Ending):
            self.facts["verdicts"].append(verdict("second", "output"))
        return self.events.pop(0)

    def cancel(self) -> None:
        self.events = []


class Watched(OwnModels):
    """Models that answer so."""

    def __init__(self) -> None:
        self.answer = Guarded()

    async def ask(self, asked: ChatRequest) -> list[Answer]:
        return [self.answer]


def asked_of(opened: Database) -> tuple[Watched, list[Answer]]:
    """Ask guarded models; returns them and their answers."""
    guards = Watched()
    trail = InTrail(guards, opened, Artifacts(Path()), "anna")
    request = ChatRequest.model_validate({**HELLO, "model": "adapter:x"})
    return guards, asyncio.run(trail.ask(request))


async def heard(answer: Answer) -> list[Event]:
    """Return all events of an answer."""
    found = [await answer.next()]
    while not isinstance(found[-1], Ending):
        found.append(await answer.next())
    answer.cancel()
    return found


def test_what_the_rules_find_in_an_answer_is_noted_when_it_ends(opened: Database) -> None:
    _, [answer] = asked_of(opened)
    question = newest(opened)
    assert [each["rule"] for each in question.told["verdicts"]] == ["first"]
    assert len(asyncio.run(heard(answer))) == 3
    judged = newest(opened, Action.JUDGED)
    assert judged.number == question.number + 1
    assert judged.told == {
        "question": question.number,
        "ended": "stop",
        "profile": "general",
        "verdicts": [{"rule": "second", "topic": "dosage", "action": "note", "side": "output"}],
    }


def test_an_end_that_cannot_be_noted_is_told(opened: Database) -> None:
    _, [answer] = asked_of(opened)
    with opened.write() as session:
        session.execute(text("ALTER TABLE audit RENAME TO away"))
    with pytest.raises(Fault, match="Do not rely on this answer"):
        asyncio.run(heard(answer))
    with opened.write() as session:
        session.execute(text("ALTER TABLE away RENAME TO audit"))


def test_what_was_found_until_a_person_stops_is_noted(opened: Database) -> None:
    guards, [answer] = asked_of(opened)
    guards.answer.facts["verdicts"].append(verdict("early", "output"))

    async def stopped() -> None:
        answer.cancel()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(stopped())
    assert newest(opened, Action.JUDGED).told["ended"] == "cancelled"
    assert audit_check.verify(opened).broken is None
