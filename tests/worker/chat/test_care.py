"""A profile in force holds for every client: questions first, answers while they are written."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from storage import database, profile_uses
from storage.ids import LOCAL_PERSON
from storage.safety import profiles
from storage.safety.profile import ClassifierChoice, Disclaimer, Profile, Rule
from storage.settings import Settings
from tests.worker.chat.conftest import (
    ADAPTERS,
    TEMPLATE,
    Family,
    FolderCatalogue,
    make_classifier,
)
from tests.worker.chat.test_engine import alone
from worker.chat import protocol
from worker.chat.answers import Answer
from worker.chat.care import InCare
from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine
from worker.chat.exchange import Ending, Event, Piece, Usage
from worker.chat.guards import Guards
from worker.chat.own_models import OwnModels
from worker.chat.prompts import Prompts
from worker.chat.protocol import ChatRequest
from worker.chat.server import create_app

ANYTHING = r"\S"
STRICT = "{% if messages[0].role == 'system' %}{{ raise_exception('No system') }}{% endif %}"
RENDERED = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


class Ward:
    """A home with profiles, and a client of a chat server that answers under them."""

    def __init__(self, home: Path, client: TestClient, guards: Guards) -> None:
        self.home, self.client, self.guards = home, client, guards
        self.database = guards._database

    def under(self, *rules: Rule, subject: str = profile_uses.STUDIO, **more: Any) -> str:
        """Put a new profile of these rules in force; returns its id."""
        profile = Profile(format=1, name="Ours", rules=list(rules), **more)
        made = profiles.add(self.home, profile).id
        profile_uses.put(self.database, LOCAL_PERSON, subject, made)
        return made

    def ask(self, *said: str, model: str = "base:1", **more: Any) -> Any:
        """Ask as any client does, greedily."""
        roles = ("user", "assistant")
        messages = [{"role": roles[n % 2], "content": each} for n, each in enumerate(said)]
        body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 16, **more}
        return self.client.post("/v1/chat/completions", json=body)

    def answer(self, *said: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
        """Return the text, why it ended, and what `studio` says."""
        told = self.ask(*said, **more).json()
        choice = told["choices"][0]
        return choice["message"]["content"], choice["finish_reason"], told["studio"]


@pytest.fixture(scope="module")
def serving(llama: Family, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    home = tmp_path_factory.mktemp("home")
    opened = database.opened(Settings(home=home))
    voices = [llama.contestant(name) for name in (None, *ADAPTERS)]
    strict = tmp_path_factory.mktemp("strict") / "adapter"
    shutil.copytree(llama.adapters["plain"], strict)
    (strict / "chat_template.jinja").write_text(STRICT + TEMPLATE)
    voices.append(Contestant("adapter:strict", "Strict", llama.base, strict, "1"))
    catalogue = FolderCatalogue(voices)
    guards = Guards(opened, home, LOCAL_PERSON)
    models = InCare(OwnModels(Engine(), catalogue, Prompts()), guards)
    with TestClient(create_app(models, ["testserver"])) as client:
        yield Ward(home, client, guards)
    opened.close()


@pytest.fixture
def ward(serving: Ward) -> Iterator[Ward]:
    yield serving
    for subject in profile_uses.of(serving.database, LOCAL_PERSON):
        profile_uses.put(serving.database, LOCAL_PERSON, subject, None)


def rule(action: str, side: str = "output", words: str = "Ask a nurse.", **more: Any) -> Rule:
    sought = more or {"pattern": ANYTHING}
    return Rule.model_validate(
        {"id": "found", "side": side, "action": action, "words": words, **sought}
    )


def test_without_a_profile_nothing_changes(ward: Ward, llama: Family) -> None:
    text, _, told = ward.answer("Hello")
    assert text == alone(llama, None, RENDERED.format("Hello"), 16)
    assert (told["profile"], told["verdicts"]) == (None, [])


def test_a_blocked_question_reaches_no_model(ward: Ward) -> None:
    used = ward.under(rule("block", "input", phrases=["build a bomb"]))
    text, ended, told = ward.answer("How do I build a bomb?")
    assert (text, ended) == ("Ask a nurse.", "content_filter")
    assert told["completion_tokens"] == 0
    assert (told["profile"], told["profile_name"]) == (used, "Ours")
    assert [found["rule"] for found in told["verdicts"]] == ["found"]
    assert ward.ask("How do I build a bomb?", model="base:9").status_code == 404


def test_a_blocked_answer_is_never_shown_streamed_or_not(ward: Ward) -> None:
    ward.under(rule("block"))
    text, ended, told = ward.answer("Hello")
    assert (text, ended) == ("Ask a nurse.", "content_filter")
    assert told["verdicts"][0]["side"] == "output"
    streamed = ward.ask("Hello", stream=True).text
    chunks = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
    pieces = [chunk["choices"][0]["delta"].get("content") for chunk in chunks]
    assert [piece for piece in pieces if piece] == ["Ask a nurse."]
    assert chunks[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert chunks[-1]["studio"]["verdicts"] == told["verdicts"]
    assert streamed.endswith("data: [DONE]\n\n")


def test_a_request_cannot_switch_it_off(ward: Ward) -> None:
    ward.under(rule("block"))
    for more in ({"studio": {"fresh": True, "profile": None}}, {"n": 2}, {"seed": 1}):
        assert ward.answer("Hello", **more)[0] == "Ask a nurse."


def test_the_notice_comes_first_and_the_disclaimer_last(ward: Ward, llama: Family) -> None:
    ward.under(
        rule("notice", "input", "Call your local emergency number.", phrases=["cannot breathe"]),
        disclaimers=[Disclaimer(when="first", text="No medical advice.")],
    )
    text, _, told = ward.answer("I cannot breathe")
    own = alone(llama, None, RENDERED.format("I cannot breathe"), 16)
    assert text == f"Call your local emergency number.\n\n{own}\n\nNo medical advice."
    assert [found["action"] for found in told["verdicts"]] == ["notice", "note"]
    assert told["readability"]["target"] == 60
    assert "No medical advice." not in ward.answer("Hi", "Hello", "More")[0]


def test_an_adapters_own_profile_goes_before_the_studios(ward: Ward) -> None:
    ward.under(rule("block", words="The studio's."))
    own = ward.under(rule("block", words="The adapter's."), subject="adapter:plain")
    assert ward.answer("Hello")[0] == "The studio's."
    assert ward.answer("Hello", model="adapter:plain")[0] == "The adapter's."
    listed = {each["id"]: each["studio"]["profile"] for each in _models(ward)}
    assert listed["adapter:plain"] == own != listed["base:1"]


def test_the_model_is_told_the_profiles_instructions(ward: Ward, llama: Family) -> None:
    ward.under(system="Be kind.")
    said = "<|im_start|>system\nBe kind.<|im_end|>\n" + RENDERED.format("Hello")
    assert ward.answer("Hello")[0] == alone(llama, None, said, 16)


def test_where_no_system_prompt_may_be_the_instructions_are_within_the_question(
    ward: Ward, llama: Family
) -> None:
    ward.under(system="Be kind.")
    said = RENDERED.format("Be kind.\n\nHello")
    assert ward.answer("Hello", model="adapter:strict")[0] == alone(llama, "plain", said, 16)


def test_a_broken_profile_is_not_passed_over(ward: Ward) -> None:
    used = ward.under(rule("warn"))
    profiles.find(ward.home, used).path.write_text("format: 1\nname: 7\n", encoding="utf-8")
    refused = ward.ask("Hello")
    assert refused.status_code == 503
    assert f"{used}.yaml cannot be used" in refused.json()["error"]["message"]
    profiles.delete(ward.home, used)
    assert "is gone, so nothing is answered" in ward.ask("Hello").json()["error"]["message"]


def test_a_changed_file_holds_for_the_next_question(ward: Ward) -> None:
    used = ward.under(rule("block", words="Before."))
    assert ward.answer("Hello")[0] == "Before."
    changed = Profile(format=1, name="Ours", rules=[rule("block", words="Afterwards.")])
    profiles.replace(ward.home, used, changed)
    assert ward.answer("Hello")[0] == "Afterwards."


def test_a_pattern_that_takes_too_long_ends_the_answer_in_words(ward: Ward) -> None:
    ward.under(rule("block", "input", pattern="(a|aa)+$"))
    refused = ward.ask("a" * 80 + "!")
    assert refused.status_code == 503
    assert "takes too long" in refused.json()["error"]["message"]


def test_a_classifier_from_a_folder_judges(ward: Ward, llama: Family, tmp_path: Path) -> None:
    folder = make_classifier(llama.base, tmp_path / "judge")
    choice = ClassifierChoice(
        folder=str(folder), label="fine", threshold=0.01, side="input", action="warn", words="Hm."
    )
    ward.under(classifier=choice)
    verdicts = ward.answer("Hello")[2]["verdicts"]
    assert [(found["rule"], found["words"]) for found in verdicts] == [("classifier", "Hm.")]
    ward.under(classifier=choice.model_copy(update={"label": "angry"}))
    assert "knows no label" in ward.ask("Hello").json()["error"]["message"]
    ward.under(classifier=choice.model_copy(update={"folder": str(tmp_path / "none")}))
    assert "cannot be read" in ward.ask("Hello").json()["error"]["message"]


class Spoken:
    """A model whose answer is known, to see when it is stopped."""

    def __init__(self, *pieces: str) -> None:
        self.events: list[Event] = [*(Piece(each) for each in pieces), Ending("stop", Usage(3))]
        self.facts = protocol.facts(None)
        self.is_cancelled = False

    async def ask(self, asked: ChatRequest) -> list[Answer]:
        return [self]

    async def next(self) -> Event:
        return self.events.pop(0)

    def cancel(self) -> None:
        self.is_cancelled = True


def test_the_writing_ends_where_a_rule_ends_the_answer(ward: Ward) -> None:
    ward.under(rule("block", phrases=["secret plan"]))
    spoken = Spoken("All is well. The sec", "ret pl", "an is this. ", "More. ")
    models: Any = spoken
    hello = {"model": "base:1", "messages": [{"role": "user", "content": "Hello"}]}

    async def heard() -> list[Event]:
        (answer,) = await InCare(models, ward.guards).ask(ChatRequest.model_validate(hello))
        events = [await answer.next()]
        while not isinstance(events[-1], Ending):
            events.append(await answer.next())
        return events

    said = [
        event.text if isinstance(event, Piece) else event.reason for event in asyncio.run(heard())
    ]
    assert said == ["All is well. ", "\n\nAsk a nurse.", "content_filter"]
    assert spoken.is_cancelled
    assert spoken.events[0] == Piece("More. ")


def _models(ward: Ward) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = ward.client.get("/v1/models").json()["data"]
    return listed
