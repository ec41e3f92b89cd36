"""Datasets of votes, marks and corrections: read by the worker like any file."""

import json
from typing import Any

import pytest

from storage import conversations, owned
from storage.conversation_tables import ConversationRow
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from studio.services import datasets, feedback, votes
from studio.services.feedback import Source
from tests.fakes.spoken import Spoken
from tests.fakes.workplace import Workplace

PLAIN, TUNED = "base:plain", "adapter:tuned"


@pytest.fixture
def spoken(workplace: Workplace) -> Spoken:
    """A blind conversation with three questions; the tuned one was better at two."""
    found = Spoken(workplace.studio.database, [PLAIN, TUNED])
    for number, better in ((1, TUNED), (2, TUNED), (3, None)):
        put = found.ask(f"Question {number}?", {PLAIN: "No idea.", TUNED: f"Answer {number}."})
        sides = {"side_a": put.order.index(TUNED), "side_b": put.order.index(PLAIN)}
        body = {"conversation_id": found.id, "number": number, "outcome": "a" if better else "tie"}
        votes.cast(workplace.studio, LOCAL_PERSON, body | sides)
    return found


def judge(spoken: Spoken, number: int, contestant: str, **values: Any) -> None:
    """Mark or correct what a contestant answered."""
    put = conversations.whole(spoken.database, LOCAL_PERSON, spoken.id).round(number)
    place = (number, put.order.index(contestant))
    conversations.judge(spoken.database, LOCAL_PERSON, spoken.id, place, values)


def rows_of(workplace: Workplace, source: Source) -> list[dict[str, Any]]:
    """Make a dataset, let the worker read it; return its rows as they are learned."""
    made = feedback.make(workplace.studio, LOCAL_PERSON, source)
    workplace.work()
    found = datasets.get(workplace.studio, LOCAL_PERSON, made.id)
    assert (found.status, found.error, found.rows_refused) == ("ready", None, 0)
    folder = datasets.rows_folder(workplace.studio, LOCAL_PERSON, made.id)
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]


def test_votes_become_pairs_to_learn_from(workplace: Workplace, spoken: Spoken) -> None:
    told = feedback.preview(workplace.studio, LOCAL_PERSON, Source("preference"))
    assert (told.rows, len(told.first)) == (2, 2)
    assert [(one.reason, one.count) for one in told.left] == [("tie", 1)]
    assert told.left[0].words.startswith("Ties (1)")
    first, second = rows_of(workplace, Source("preference"))
    assert first["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Question 1?"},
    ]
    assert sorted(row.get("split", "train") for row in (first, second)) == ["test", "train"]
    assert first["chosen"] == [{"role": "assistant", "content": "Answer 1."}]
    assert second["rejected"] == [{"role": "assistant", "content": "No idea."}]


def test_marks_and_votes_become_judged_answers(workplace: Workplace, spoken: Spoken) -> None:
    judge(spoken, 3, TUNED, mark="harmful")
    judge(spoken, 1, TUNED, mark="good")
    rows = rows_of(workplace, Source("kto"))
    assert [row["label"] for row in rows] == [True, False]
    both = rows_of(workplace, Source("kto", with_votes=True))
    assert sorted(row["label"] for row in both) == [False, False, False, True, True]
    assert both[0]["prompt"][-1]["content"] == "Question 1?"


def test_corrections_become_conversations(workplace: Workplace, spoken: Spoken) -> None:
    judge(spoken, 2, PLAIN, corrected="A good answer.")
    (row,) = rows_of(workplace, Source("sft"))
    assert [turn["content"] for turn in row["messages"]] == [
        "Be brief.", "Question 2?", "A good answer.",
    ]  # fmt: skip
    assert len(rows_of(workplace, Source("preference"))) == 3
    owned.mark_deleted(spoken.database, ConversationRow, LOCAL_PERSON, spoken.id, deleted=True)
    assert feedback.preview(workplace.studio, LOCAL_PERSON, Source("sft")).rows == 0


def test_the_same_rows_are_the_same_dataset(workplace: Workplace, spoken: Spoken) -> None:
    made = feedback.make(workplace.studio, LOCAL_PERSON, Source("preference"), "My votes")
    again = feedback.make(workplace.studio, LOCAL_PERSON, Source("preference"))
    assert (made.name, again.id) == ("My votes", made.id)


def test_nothing_said_is_nothing_to_learn_from(workplace: Workplace) -> None:
    for kind in ("preference", "kto", "sft"):
        with pytest.raises(StudioError, match="gives a row"):
            feedback.make(workplace.studio, LOCAL_PERSON, Source(kind))  # type: ignore[arg-type]
