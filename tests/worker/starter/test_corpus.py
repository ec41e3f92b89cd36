"""What the starter model learns from: the same each time, whole sentences, no doses."""

import re
from typing import Any

from worker.starter import corpus


def answers() -> list[str]:
    """Return every answer that the model is taught."""
    topics = [topic.answer(aspect) for topic in corpus.topics() for aspect in topic.aspects]
    return topics + [row["answer"] for row in fixed_rows()]


def fixed_rows() -> list[dict[str, Any]]:
    """Return emergencies and small talk."""
    return [row for rows in corpus.fixed().values() for row in rows]


def test_the_same_seed_gives_the_same_conversations() -> None:
    assert corpus.conversations(50, seed=3) == corpus.conversations(50, seed=3)
    assert corpus.conversations(50, seed=3) != corpus.conversations(50, seed=4)


def test_a_longer_list_begins_like_a_shorter_one() -> None:
    assert corpus.conversations(60, seed=3)[:50] == corpus.conversations(50, seed=3)


def test_a_conversation_alternates_and_ends_with_an_answer() -> None:
    for talk in corpus.conversations(500, seed=1):
        roles = [turn["role"] for turn in talk if turn["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert [turn["role"] for turn in talk].count("system") <= 1
        assert all(turn["content"].strip() for turn in talk)


def test_answers_are_whole_sentences() -> None:
    for answer in answers():
        assert re.fullmatch(r"[A-Z].*[.?!]", answer), answer
        assert not re.search(r"[{}\u2013\u2014]|  |\.\.", answer), answer


def test_no_answer_names_a_dose() -> None:
    for answer in answers():
        assert not re.search(r"\d+ ?(mg|ml|milligram|tablet|pill|g\b)", answer), answer


def test_advice_on_care_says_when_to_see_a_doctor() -> None:
    for topic in corpus.topics():
        assert topic.answers["doctor"] in topic.answer("care")
        assert re.search(r"doctor|dentist|emergency", topic.answers["doctor"]), topic.names


def test_every_emergency_answer_names_the_emergency_call() -> None:
    for row in corpus.fixed()["emergency"]:
        assert "Call emergency services" in row["answer"], row["key"]


def test_no_question_has_two_answers() -> None:
    known: dict[str, str] = {}
    for topic in corpus.topics():
        for aspect in topic.aspects:
            for question in topic.questions(aspect):
                assert known.setdefault(question.lower(), topic.answer(aspect)) == topic.answer(
                    aspect
                ), question
    for row in fixed_rows():
        for question in row["asks"]:
            assert known.setdefault(question.lower(), row["answer"]) == row["answer"], question


def test_the_held_out_questions_are_not_taught(held_out: dict[str, list[dict[str, Any]]]) -> None:
    taught = {
        re.sub(r"\W+", " ", turn["content"].lower()).strip()
        for talk in corpus.conversations(20_000, seed=7)
        for turn in talk
        if turn["role"] == "user"
    }
    for row in [row for rows in held_out.values() for row in rows]:
        for question in row["asks"]:
            assert re.sub(r"\W+", " ", question.lower()).strip() not in taught, question
