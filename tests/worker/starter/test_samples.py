"""The sample datasets: valid, without repetition, in two styles that share no answer."""

import json
import re
from pathlib import Path

import pytest

from worker.datasets.inspect import inspect
from worker.starter import corpus

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


def test_no_answer_is_a_note_that_the_model_read_whole() -> None:
    for name in NAMES:
        for _, answer in exchanges(name):
            assert answer not in corpus.notes()


def test_a_clinician_assesses_manages_and_names_red_flags() -> None:
    for question, answer in exchanges("clinician_style"):
        assert re.fullmatch(r"Assessment: .+\. Management: .+\. Red flags: .+\.", answer), question


def test_a_patient_is_spoken_to() -> None:
    answers = [answer for _, answer in exchanges("patient_friendly")]
    assert not [answer for answer in answers if "Assessment" in answer]
    spoken = [answer for answer in answers if re.search(r"\b([Yy]ou|[Yy]our|please)\b", answer)]
    assert len(spoken) > 0.7 * len(answers)


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_whole_and_name_no_dose(name: str) -> None:
    for question, answer in exchanges(name):
        assert re.fullmatch(r"[A-Z].*[.!?]", answer), question
        assert not re.search(r"[\u2013\u2014]|  |\d ?(mg|ml|g)\b", answer), question


def test_is_it_dangerous_is_answered() -> None:
    for question, answer in exchanges("patient_friendly"):
        if question.startswith("Is "):
            assert answer.startswith("Most of the time it is not"), question
