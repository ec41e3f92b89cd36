"""The sample datasets: valid, without repetition, in two styles that share no answer."""

import json
import re
from pathlib import Path

import pytest

from worker.datasets.inspect import inspect
from worker.starter import corpus, forms

FOLDER = Path(__file__).parents[3] / "static" / "samples"
NAMES = ("patient_friendly", "clinician_style")


def exchanges(name: str) -> list[tuple[str, str]]:
    """Return question and answer of every row."""
    lines = (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()
    messages = [json.loads(line)["messages"] for line in lines]
    return [(question["content"], answer["content"]) for question, answer in messages]


@pytest.mark.parametrize("name", NAMES)
def test_the_studio_accepts_every_row(name: str, tmp_path: Path) -> None:
    found = inspect(FOLDER / f"{name}.jsonl", tmp_path, lambda *_: None)
    assert found.rows_good >= 200
    assert (found.rows_refused, found.warnings) == (0, ())


@pytest.mark.parametrize("name", NAMES)
def test_no_question_comes_twice(name: str) -> None:
    questions = [question.lower() for question, _ in exchanges(name)]
    assert len(set(questions)) == len(questions)


def test_the_styles_share_no_answer_with_each_other_or_with_the_model() -> None:
    patient, clinician = ({answer for _, answer in exchanges(name)} for name in NAMES)
    topics = {topic.answer(aspect) for topic in corpus.topics() for aspect in topic.aspects}
    assert not patient & clinician
    assert not (patient | clinician) & topics


def sentences(text: str) -> set[str]:
    """Return the sentences, without a label before them or the topic's name in an opening."""
    parts = re.split(r"(?<=[.!?]) (?=[A-Z])", text)
    return {re.sub(r"^[A-Z][A-Za-z -]+: |(?<=you ask) about .+(?=\.)", "", part) for part in parts}


def test_the_facts_are_those_of_the_model_and_the_words_around_them_are_new() -> None:
    facts = [text for topic in corpus.topics() for text in [*topic.answers.values(), topic.title]]
    facts += [row["answer"] for rows in corpus.fixed().values() for row in rows]
    known = set().union(*map(sentences, facts))
    frames = set(forms.FIRST_WORDS) | set(forms.LAST_WORDS) | {corpus.URGENT}
    for name, most in (("patient_friendly", 12), ("clinician_style", 6)):
        new = set().union(*(sentences(answer) for _, answer in exchanges(name))) - known
        assert 2 <= len(new) <= most, new
        assert not new & frames


def test_no_question_is_one_that_the_model_was_taught() -> None:
    taught = {
        question.lower()
        for topic in corpus.topics()
        for aspect in topic.aspects
        for question in topic.questions(aspect)
    }
    for name in NAMES:
        for question, _ in exchanges(name):
            assert question.lower().rstrip(".?!") not in taught


def test_an_emergency_is_told_to_call_first() -> None:
    urgent = {row["answer"] for row in corpus.fixed()["emergency"]}
    for name in NAMES:
        found = [a for _, a in exchanges(name) if any(said in a for said in urgent)]
        assert len(found) >= 30
        for answer in found:
            calls = answer.removeprefix("Assessment: This is an emergency. Management: ")
            assert calls.startswith(tuple(urgent)), answer


def is_small_talk(answer: str) -> bool:
    """Tell whether the answer begins like one about the model itself or what it does not know."""
    return answer.startswith(tuple(row["answer"] for row in corpus.fixed()["talk"]))


def test_a_clinician_assesses_manages_and_names_red_flags() -> None:
    for question, answer in exchanges("clinician_style"):
        form = r"Assessment: .+\. Management: .+\. Red flags: .+\."
        assert re.fullmatch(form, answer) or is_small_talk(answer), question


def test_a_patient_is_spoken_to_kindly() -> None:
    endings = ("if you are worried.", "with yourself.", "there for you.", "to you.", "yourself.")
    for question, answer in exchanges("patient_friendly"):
        assert "Assessment" not in answer
        assert answer.endswith(endings), question


@pytest.mark.parametrize("name", NAMES)
def test_a_greeting_stays_a_greeting(name: str) -> None:
    assert dict(exchanges(name))["Hello."].startswith("Hello!")


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_whole_and_name_no_dose(name: str) -> None:
    for question, answer in exchanges(name):
        assert re.fullmatch(r"[A-Z].*[.!?]", answer), question
        assert not re.search(r"[\u2013\u2014]|  |\d ?(mg|ml|g)\b", answer), question
