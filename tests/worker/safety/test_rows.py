"""Rows of training data are held against the rules, each text on the side that it would be on."""

from pathlib import Path
from typing import Any

import pytest

from storage.safety.profile import Profile, Rule
from tests.fakes.prepared_data import write_rows
from worker.safety.rows import check

ASKED = Rule(id="asked", side="input", phrases=["what dose"], action="note", words="Ask.")
TOLD = Rule(id="told", side="output", phrases=["take two"], action="block", words="No.")
PROFILE = Profile(format=1, name="Ours", rules=[ASKED, TOLD])


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def asked(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [turn("user", question), turn("assistant", answer)]}


def found(tmp_path: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    write_rows(tmp_path / "rows", rows)
    return check(tmp_path / "rows", PROFILE, lambda share, words: None)


def test_the_rows_are_told_by_rule_with_their_lines(tmp_path: Path) -> None:
    rows = [
        asked("Hello", "Hello"),
        asked("What dose?", "Take two. Take two again."),
        asked("Take two, she said: what now?", "Rest."),
        asked("What is it?", "You may take  TWO of these."),
    ]
    result = found(tmp_path, rows)
    assert (result["profile"], result["rows"], result["checked"], result["found"]) == (
        "Ours",
        4,
        4,
        2,
    )
    told, asked_for = result["rules"]
    assert (told["rule"], told["side"], told["rows"]) == ("told", "output", 2)
    assert [(one["row"], one["text"]) for one in told["samples"]] == [
        (1, "Take two"),
        (3, "take  TWO"),
    ]
    assert [one["line"] for one in told["samples"]] == [2, 4]
    assert (asked_for["rule"], asked_for["side"], asked_for["rows"]) == ("asked", "input", 1)


def test_only_what_would_be_learned_counts_as_an_answer(tmp_path: Path) -> None:
    prompt = [turn("user", "Hello")]
    bad, good = [turn("assistant", "Take two.")], [turn("assistant", "Rest.")]
    rows: list[dict[str, Any]] = [
        {"prompt": prompt, "chosen": good, "rejected": bad},
        {"prompt": prompt, "completion": bad, "label": False},
        {"prompt": prompt, "completion": bad, "label": True},
        {"prompt": prompt, "chosen": bad, "rejected": good},
        {"text": "Take two."},
    ]
    (told,) = found(tmp_path, rows)["rules"]
    assert [one["row"] for one in told["samples"]] == [2, 3, 4]


def test_a_report_can_end_the_work(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows", [asked("Hello", "Hello")])

    def enough(share: float, words: str) -> None:
        raise KeyError(words)

    with pytest.raises(KeyError, match="1 of 1 rows"):
        check(tmp_path / "rows", PROFILE, enough)
