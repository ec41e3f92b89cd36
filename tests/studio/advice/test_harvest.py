"""What people say of answers becomes rows: which ones, and why something gives none."""

from typing import Any

from studio.advice.harvest import Judged, Voted, kto, preference, sft, with_exam

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
OTHER = [{"role": "user", "content": "How?"}]


def voted(outcome: str, a: str = "So.", b: str = "Because.", messages: Any = ASKED) -> Voted:
    """Return a vote."""
    return Voted(messages, a, b, outcome)


def test_a_vote_for_one_of_two_is_a_pair_with_the_conversation_so_far() -> None:
    found = preference([voted("b"), voted("a", messages=OTHER)], [])
    assert found.rows == [
        {"messages": ASKED, "chosen": "Because.", "rejected": "So."},
        {"messages": OTHER, "chosen": "So.", "rejected": "Because."},
    ]
    assert not found.left


def test_what_gives_no_pair_is_counted_with_its_reason() -> None:
    votes = [
        voted("tie"), voted("bad"), voted("bad"), voted("a", "Yes.", " Yes. "),
        voted("a", messages=OTHER), voted("b", messages=OTHER),
    ]  # fmt: skip
    found = preference(votes, [])
    assert found.rows == []
    assert found.left == {"tie": 1, "bad": 2, "same": 1, "disagree": 2}


def test_several_votes_on_the_same_answers_are_one_pair_as_most_say() -> None:
    swapped = voted("b", "Because.", "So.")
    found = preference([voted("a"), swapped, voted("b")], [])
    assert found.rows == [{"messages": ASKED, "chosen": "So.", "rejected": "Because."}]
    assert found.left == {"again": 1, "disagree": 1}


def test_a_correction_is_better_than_the_answer() -> None:
    judged = [
        Judged(ASKED, "So.", corrected="So it is."), Judged(ASKED, "So.", corrected=" So.\n"),
        Judged(OTHER, "Well.", mark="good"),
    ]  # fmt: skip
    found = preference([], judged)
    assert found.rows == [{"messages": ASKED, "chosen": "So it is.", "rejected": "So."}]
    assert found.left == {"unchanged": 1}


def test_marks_say_which_answers_are_good() -> None:
    marks = ("good", "pass", "bad", "fail", "harmful")
    judged = [Judged(ASKED, f"Answer {mark}", mark) for mark in marks]
    found = kto([], [*judged, Judged(ASKED, "So.", corrected="So it is.")])
    assert [row["label"] for row in found.rows] == [True, True, False, False, False]
    answer = {"role": "assistant", "content": "Answer good"}
    assert found.rows[0] == {"messages": [*ASKED, answer], "label": True}
    assert found.left == {"unmarked": 1}


def test_votes_say_it_too_and_a_mark_outweighs_them() -> None:
    votes = [voted("a"), voted("bad", "Worse.", "Awful."), voted("tie")]
    found = kto(votes, [Judged(ASKED, "Because.", "pass")])
    labels = {row["messages"][-1]["content"]: row["label"] for row in found.rows}
    assert labels == {"So.": True, "Because.": True, "Worse.": False, "Awful.": False}
    assert found.left == {"tie": 1}


def test_an_answer_that_won_as_often_as_it_lost_is_not_judged() -> None:
    found = kto([voted("a"), voted("b")], [])
    assert found.rows == []
    assert found.left == {"disagree": 4}


def test_corrections_are_conversations_each_once() -> None:
    judged = [
        Judged(ASKED, "So.", corrected="So it is."), Judged(ASKED, "Well.", corrected="So it is."),
        Judged(ASKED, "So.", corrected="  "), Judged(ASKED, "So.", mark="good"),
    ]  # fmt: skip
    found = sft(judged)
    answer = {"role": "assistant", "content": "So it is."}
    assert found.rows == [{"messages": [*ASKED, answer]}]
    assert found.left == {"again": 1, "empty": 1}


def test_a_tenth_of_the_questions_is_kept_for_the_exam_with_all_their_rows() -> None:
    questions = [[{"role": "user", "content": f"Question {number}?"}] for number in range(30)]
    votes = [voted("a", a, messages=asked) for asked in questions for a in ("So.", "Well.")]
    rows = with_exam(preference(votes, []).rows)
    examined = [row["messages"][0]["content"] for row in rows if row.get("split") == "test"]
    assert len(examined) == 6
    assert len(set(examined)) == 3
    judged = with_exam(kto(votes[:4], []).rows)
    assert {row["messages"][0]["content"] for row in judged if "split" in row} < {
        "Question 0?", "Question 1?",
    }  # fmt: skip
    again = with_exam(preference(votes[:4], []).rows)
    assert sum("split" in row for row in again) == 2


def test_a_single_question_is_learned() -> None:
    assert with_exam([]) == []
    assert with_exam(preference([voted("a")], []).rows) == preference([voted("a")], []).rows
