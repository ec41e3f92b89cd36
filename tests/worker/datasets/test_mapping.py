"""How a file is read is recognised from its first rows, asked where it is not clear, and shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from storage.mappings import Mapping, Target
from storage.rows import iterate
from worker.datasets.inspect import inspect
from worker.datasets.mapping import SURE, Unsure, preview, read, recognise

CLEAR = [
    ([{"question": "a", "answer": "b"}], ("question",), "answer", None),
    ([{"Question": "a", "Answer": "b", "id": 1}], ("Question",), "Answer", None),
    ([{"query": "a", "response": "b"}], ("query",), "response", None),
    (
        [{"instruction": "a", "input": "i", "response": "b"}],
        ("instruction", "input"),
        "response",
        None,
    ),
    (
        [{"context": "c", "question": "a", "answer": "b"}],
        ("context", "question"),
        "answer",
        None,
    ),
    (
        [{"prompt": "a", "response": "b", "system_prompt": "s"}],
        ("prompt",),
        "response",
        "system_prompt",
    ),
]


@pytest.mark.parametrize(("rows", "question", "answer", "system"), CLEAR)
def test_plain_names_need_no_question(
    rows: list[dict[str, Any]], question: tuple[str, ...], answer: str, system: str | None
) -> None:
    found = recognise(rows * 3)
    assert found.shape == "columns"
    assert found.confidence >= SURE
    assert found.mapping == Mapping(question=question, answer=answer, system=system)


GERMAN = [
    {"Nr": number, "Frage": f"Was ist {number}?", "Antwort": f"Das ist {number}.", "Kommentar": ""}
    for number in range(30)
]
NAMELESS = [
    {"a": f"id-{number}", "b": f"Why {number}?", "c": f"Because of {number}. " * 20}
    for number in range(30)
]


@pytest.mark.parametrize(
    ("rows", "question", "answer"), [(GERMAN, "Frage", "Antwort"), (NAMELESS, "b", "c")]
)
def test_other_names_are_asked_about_with_the_best_guess(
    tmp_path: Path, rows: list[dict[str, Any]], question: str, answer: str
) -> None:
    with pytest.raises(Unsure) as unsure:
        look(tmp_path, rows)
    asked = unsure.value.question
    assert asked["guess"]["answer"] == answer
    assert asked["confidence"] < SURE
    assert asked["why"].endswith(".")
    assert asked["rows"] == rows[:5]
    assert [column["name"] for column in asked["columns"]] == list(rows[0])
    assert asked["columns"][1]["kind"] == "text"
    assert len(asked["columns"][1]["examples"]) == 3
    assert json.dumps(asked)
    if question == "Frage":
        assert asked["guess"]["question"] == [question]
        assert asked["columns"][3]["filled"] == 0


def look(folder: Path, rows: list[Any], **more: Any) -> tuple[Any, list[dict[str, Any]]]:
    source, target = folder / "mine.jsonl", folder / "out"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    target.mkdir()
    found = inspect(source, target, lambda share, words: None, **more)
    return found, [without(row) for row in iterate(target)]


def without(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("line", "hash")}


def chat(*texts: str) -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


def test_the_chosen_mapping_is_followed(tmp_path: Path) -> None:
    mapping = Mapping(question=("Frage",), answer="Antwort")
    found, rows = look(tmp_path, GERMAN, mapping=mapping)
    assert (found.shape, found.target, found.mapping) == ("columns", Target.CHAT, mapping)
    assert rows[7] == {"messages": chat("Was ist 7?", "Das ist 7.")}


def test_a_mapping_may_turn_anything_into_anything(tmp_path: Path) -> None:
    said = [{"who": "Arzt", "says": "Guten Tag"}, {"who": "Patient", "says": "Es tut weh."}]
    talk = Mapping(
        messages="talk", role="who", content="says", roles={"Arzt": "user", "Patient": "assistant"}
    )
    assert read({"talk": said}, talk) == {"messages": chat("Guten Tag", "Es tut weh.")}
    plain = Mapping(target=Target.TEXT, text="says")
    assert read(said[0], plain) == {"text": "Guten Tag"}
    pair = Mapping(target=Target.PREFERENCE, question=("q",), chosen="good", rejected="bad")
    assert read({"q": "a", "good": "b", "bad": "c"}, pair) == PAIR
    judged = Mapping(target=Target.LABELLED, question=("q",), answer="a", label="ok")
    assert read({"q": "a", "a": "b", "ok": "👍"}, judged)["label"] is True
    kept = Mapping(question=("q",), answer="a", split="fold", held_out=("3",))
    assert read({"q": "a", "a": "b", "fold": 3}, kept)["split"] == "test"
    assert read({"q": "a", "a": "b", "fold": 2}, kept)["split"] == "train"


PAIR = {
    "prompt": chat("a"),
    "chosen": [{"role": "assistant", "content": "b"}],
    "rejected": [{"role": "assistant", "content": "c"}],
}
CALL = {"type": "function", "function": {"name": "dose", "arguments": {"mg": 5}}}
CALLED = [
    {"role": "user", "content": "How much?"},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "5 mg"},
    {"role": "assistant", "content": "Five."},
]
TOOLS = [{"type": "function", "function": {"name": "dose"}}]
TARGETS = [
    ("preference", {"prompt": "a", "chosen": "b", "rejected": "c"}, PAIR),
    (
        "preference",
        {"prompt": chat("a"), "chosen": chat("a", "b")[1:], "rejected": chat("a", "c")[1:]},
        PAIR,
    ),
    ("preference", {"prompt": "a", "chosen": chat("a", "b"), "rejected": chat("a", "c")}, PAIR),
    (
        "preference",
        {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c"},
        PAIR,
    ),
    (
        "preference",
        {
            "conversations": [{"from": "human", "value": "a"}],
            "chosen": {"from": "gpt", "value": "b"},
            "rejected": {"from": "gpt", "value": "c"},
        },
        PAIR,
    ),
    (
        "kto",
        {"prompt": "a", "completion": "b", "label": 0},
        {"prompt": chat("a"), "completion": chat("a", "b")[1:], "label": False},
    ),
    (
        "kto",
        {"messages": chat("a", "b"), "kto_tag": "true"},
        {"prompt": chat("a"), "completion": chat("a", "b")[1:], "label": True},
    ),
    (
        "messages",
        {
            "messages": [
                CALLED[0],
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "type": "function",
                            "id": "1",
                            "function": {"name": "dose", "arguments": '{"mg": 5}'},
                        }
                    ],
                },
                CALLED[2] | {"tool_call_id": "1"},
                CALLED[3],
            ],
            "tools": TOOLS,
        },
        {
            "messages": [
                CALLED[0],
                {"role": "assistant", "content": "", "tool_calls": [{"id": "1", **CALL}]},
                CALLED[2] | {"tool_call_id": "1"},
                CALLED[3],
            ],
            "tools": TOOLS,
        },
    ),
    (
        "messages",
        {
            "messages": [
                CALLED[0],
                {"role": "assistant", "function_call": {"name": "dose", "arguments": '{"mg": 5}'}},
                {"role": "function", "content": "5 mg"},
                CALLED[3],
            ]
        },
        {"messages": CALLED},
    ),
    (
        "sharegpt",
        {
            "conversations": [
                {"from": "human", "value": "How much?"},
                {"from": "function_call", "value": '{"name": "dose", "arguments": {"mg": 5}}'},
                {"from": "observation", "value": "5 mg"},
                {"from": "gpt", "value": "Five."},
            ],
            "tools": json.dumps(TOOLS),
            "system": "Count.",
        },
        {"messages": [{"role": "system", "content": "Count."}, *CALLED], "tools": TOOLS},
    ),
    (
        "messages",
        {
            "messages": [
                *chat("a", "b", "c", "d")[:1],
                {**chat("", "b")[1], "weight": 0},
                *chat("c", "d"),
            ]
        },
        {"messages": [*chat("a"), {**chat("", "b")[1], "weight": 0}, *chat("c", "d")]},
    ),
    ("messages", {"messages": json.dumps(chat("a", "b"))}, {"messages": chat("a", "b")}),
    (
        "messages",
        {"messages": chat("a", "b"), "split": "validation"},
        {"messages": chat("a", "b"), "split": "test"},
    ),
    (
        "text",
        {"row_idx": 3, "row": {"text": "a"}, "truncated_cells": []},
        {"text": "a"},
    ),
]


@pytest.mark.parametrize(("shape", "row", "expected"), TARGETS)
def test_every_format_becomes_the_form_that_is_kept(
    tmp_path: Path, shape: str, row: dict[str, Any], expected: dict[str, Any]
) -> None:
    found, rows = look(tmp_path, [row, row])
    assert found.shape == shape
    assert rows == [expected, expected]
    assert found.confidence == 1
    (tmp_path / "again").mkdir()
    again = inspect(tmp_path / "out/rows.jsonl", tmp_path / "again", lambda share, words: None)
    assert (again.fingerprint, again.target) == (found.fingerprint, found.target)


def test_the_preview_shows_rows_and_says_what_cannot_be(tmp_path: Path) -> None:
    mapping = Mapping(question=("Frage",), answer="Loesung")
    shown = preview(GERMAN[:2], mapping)
    assert set(shown["rows"][0]) == {"refused"}
    assert "Loesung" in shown["faults"]["answer"]
    right = preview(GERMAN[:1], Mapping(question=("Frage",), answer="Antwort"))
    assert right == {"rows": [{"messages": chat("Was ist 0?", "Das ist 0.")}], "faults": {}}


def test_a_field_named_like_a_reserved_one_is_only_a_field(tmp_path: Path) -> None:
    odd = {"line": 7, "hash": "x", "prompt": "a", "completion": "b", "target": "t"}
    found, rows = look(tmp_path, [odd, odd | {"split": "fold 1"}])
    assert rows == [{"messages": chat("a", "b")}] * 2
    assert found.rows_held_out == 0
    assert {"line", "hash", "target", "split"} <= set(found.columns)
