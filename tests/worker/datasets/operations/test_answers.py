"""What another model is asked, and the rows with its answers."""

from typing import Any

import pytest

from storage.operations import Answers
from worker.datasets.operations.answers import Tally, answered, has_earlier, question


def operation(**settings: Any) -> Answers:
    return Answers(dataset_id="data_1", voice="base:1", **settings)


def turn(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


LONG = {
    "messages": [
        turn("system", "Own."),
        turn("user", "One?"),
        turn("assistant", "First."),
        turn("user", "Two?"),
        turn("assistant", "Second."),
    ],
    "split": "test",
}


def test_the_last_question_is_asked_behind_the_whole_conversation() -> None:
    assert question(LONG, operation()) == LONG["messages"][:-1]
    assert has_earlier(LONG)


def test_the_answer_takes_the_old_ones_place_and_it_alone_is_learned() -> None:
    made = answered(LONG, "Third.")
    weights = [one.get("weight") for one in made["messages"]]
    assert weights == [None, None, 0, None, None]
    assert made["messages"][-1] == turn("assistant", "Third.")
    assert made["split"] == "test"


def test_an_answer_that_is_not_to_be_learned_is_not_written() -> None:
    turns: list[dict[str, Any]] = LONG["messages"]  # type: ignore[assignment]
    row = {"messages": [*turns[:-1], turn("assistant", "Second.", weight=0)]}
    assert question(row, operation()) == turns[:2]
    assert not has_earlier(row)
    assert len(answered(row, "New.")["messages"]) == 3


def test_the_system_text_comes_before_a_rows_own_and_never_into_the_row() -> None:
    asked = question(LONG, operation(system=" Be brief. "))
    assert asked != "tools"
    assert asked[0] == turn("system", "Be brief.\n\nOwn.")
    assert [one["role"] for one in asked].count("system") == 1
    assert answered(LONG, "x")["messages"][0] == turn("system", "Own.")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": [turn("user", "a?")], "chosen": [turn("assistant", "b")]},
        {"prompt": [turn("user", "a?")], "completion": [turn("assistant", "b")], "label": False},
        {"text": "a?"},
    ],
)
def test_of_judged_answers_and_texts_the_question_counts(row: dict[str, Any]) -> None:
    assert question(row, operation()) == [turn("user", "a?")]
    assert answered(row, "c") == {"messages": [turn("user", "a?"), turn("assistant", "c")]}


def test_a_conversation_with_tools_is_not_asked() -> None:
    assert question(LONG | {"tools": [{"name": "look"}]}, operation()) == "tools"
    called = {"messages": [turn("user", "a?"), turn("tool", "42"), turn("assistant", "b")]}
    assert question(called, operation()) == "tools"


def test_what_became_of_the_rows_is_told_where_there_is_something_to_tell() -> None:
    tally = Tally(written=5)
    assert tally.sentences(operation()) == []
    tally.add("cut_off")
    tally.earlier = 1_200
    assert [words[-6:] for words in tally.sentences(operation())] == ["ed: 1.", "1,200."]
    assert "kept as asked: 1" in tally.sentences(operation(keep_cut_off=True))[0]
