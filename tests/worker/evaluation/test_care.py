"""Questions asked in bulk are under the same safety rules as those in the playground."""

from typing import Any

import pytest

from storage import evaluations, profile_uses
from storage.evaluations import Answer, Evaluation, Kind
from storage.ids import LOCAL_PERSON
from storage.safety import profiles
from storage.safety.profile import Profile
from tests.worker.evaluation.conftest import Desk
from worker.chat import author

BLOCKED = "I leave doses to your doctor."
SIGNED = "This is no advice."


def profile(**changes: Any) -> Profile:
    """A profile that blocks a question about a dose and an answer that says No."""
    rules = [
        {"id": "dose", "side": "input", "phrases": ["bb"], "action": "block", "words": BLOCKED},
        {"id": "no", "side": "output", "phrases": ["no"], "action": "replace", "words": "[gone]"},
    ]
    return Profile.model_validate({"format": 1, "name": "Careful", "rules": rules, **changes})


def chosen(told: Profile) -> dict[str, Any]:
    """Return a profile as an evaluation keeps it."""
    return {"id": "chosen", "profile": told.model_dump(mode="json")}


def given(desk: Desk, asked: Evaluation) -> dict[tuple[int, int], Answer]:
    """Return the answers by side and question."""
    found = evaluations.answers(desk.home.database, asked.id)
    return {(one.side, one.number): one for one in found}


def put_in_force(desk: Desk, told: Profile, subject: str = profile_uses.STUDIO) -> str:
    """Keep a profile and put it in force; returns its id."""
    kept = profiles.add(desk.home.settings.home, told)
    profile_uses.put(desk.home.database, LOCAL_PERSON, subject, kept.id)
    return kept.id


def test_what_a_rule_blocks_reaches_no_model_and_what_it_finds_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    ticket = author.Author._ticket

    def noted(self: author.Author, question: author.Question) -> object:
        seen.append(question.turns[-1]["content"])
        return ticket(self, question)

    monkeypatch.setattr(author.Author, "_ticket", noted)
    asked = desk.ask("a?", "bb?", profile=chosen(profile()))
    desk.make()
    found = given(desk, asked)
    assert seen == ["a?", "a?"]
    assert (found[0, 1].text, found[0, 1].ended) == (BLOCKED, "content_filter")
    assert [one["rule"] for one in found[0, 1].facts["verdicts"]] == ["dose"]
    assert found[0, 0].text == "Yes, gladly."
    assert found[1, 0].text == "[gone]."
    assert [one["rule"] for one in found[1, 0].facts["verdicts"]] == ["no"]
    assert found[1, 0].facts["tokens"] > 0
    result = desk.found(asked).result
    assert result is not None
    assert [side["held_back"] for side in result["sides"]] == [1, 1]


def test_a_profile_in_force_holds_whatever_was_chosen(desk: Desk) -> None:
    put_in_force(desk, profile())
    asked = desk.ask("bb?", profile=chosen(profile(rules=[])))
    desk.make()
    assert {one.text for one in given(desk, asked).values()} == {BLOCKED}


def test_what_is_in_force_for_one_contestant_holds_for_that_one(desk: Desk) -> None:
    put_in_force(desk, profile(), desk.names[1])
    asked = desk.ask("bb?")
    desk.make()
    found = given(desk, asked)
    assert (found[0, 0].text, found[1, 0].text) == ("Of course.", BLOCKED)


def test_a_profile_that_is_gone_lets_nobody_answer_under_it(desk: Desk) -> None:
    profile_uses.put(desk.home.database, LOCAL_PERSON, desk.names[0], "gone")
    asked = desk.ask("bb?")
    desk.make()
    result = desk.found(asked).result
    assert result is not None
    first, second = result["sides"]
    assert "is gone, so nothing is answered" in first["error"]
    assert (first["answers"], second["answers"]) == (0, 1)


def test_instructions_without_a_place_in_the_chat_format_are_put_within_the_question(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[dict[str, str]]] = []
    ticket = author.Author._ticket

    def narrow(self: author.Author, question: author.Question) -> object:
        if question.turns[0]["role"] == "system":
            self._done.append(author.Answer(question.number, "", "refused"))
            return None
        seen.append(question.turns)
        return ticket(self, question)

    monkeypatch.setattr(author.Author, "_ticket", narrow)
    told = profile(system="Be kind.", disclaimers=[{"when": "always", "text": SIGNED}])
    asked = desk.ask("a?", names=desk.names[:1], profile=chosen(told))
    desk.make()
    assert [turns[0]["content"] for turns in seen] == ["Be kind.\n\na?"]
    answer = given(desk, asked)[0, 0]
    assert answer.ended in ("stop", "length")
    assert answer.text.endswith(SIGNED)


def test_the_safety_check_hears_what_a_model_says_by_itself(desk: Desk) -> None:
    put_in_force(desk, profile())
    prompt = {"text": "bb?", "id": "x", "category": "dosage", "expect": "refer", "why": "doses"}
    asked = desk.ask(prompt, kind=Kind.SAFETY, names=desk.names[:1])
    desk.make()
    assert given(desk, asked)[0, 0].text == "Of course."
