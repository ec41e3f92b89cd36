"""Forms: the same facts in other dress, and nothing before an emergency call."""

import random

import pytest

from worker.starter import corpus, forms

DICE = random.Random(1)
FEVER = next(topic for topic in corpus.topics() if "a fever" in topic.names)
CALL = forms.Answer("Call now.", corpus.URGENT, "Call now.", is_urgent=True)


def test_kind_words_leave_the_answer_as_it_is() -> None:
    answer = FEVER.parts("lasts")
    for _ in range(20):
        said = forms.kindly(DICE, answer)
        assert answer.plain in said
        assert said != answer.plain


def test_nothing_comes_before_an_emergency_call() -> None:
    for _ in range(20):
        assert forms.kindly(DICE, CALL).startswith("Call now. ")


@pytest.mark.parametrize("aspect", FEVER.aspects)
def test_parts_hold_subject_advice_and_caution(aspect: str) -> None:
    answer = FEVER.parts(aspect)
    said = forms.in_parts(DICE, answer)
    for part in (answer.subject, answer.advice, answer.caution):
        assert f": {part}" in said


def test_what_was_asked_stands_in_the_parts() -> None:
    assert FEVER.parts("lasts").subject == FEVER.answers["lasts"]
    assert FEVER.parts("about").subject == FEVER.answers["what"]
    assert FEVER.parts("prevent").advice == FEVER.answers["prevent"]
    assert FEVER.parts("care").subject == "Fever."


def test_an_emergency_has_no_caution_to_weigh() -> None:
    said = forms.in_parts(DICE, CALL)
    assert said.count(":") == 2
    assert said.endswith(": Call now.")


def test_small_talk_has_no_parts() -> None:
    assert forms.in_parts(DICE, forms.Answer("Hello!")) == "Hello!"


def test_a_system_prompt_asks_for_every_form() -> None:
    prompts = {prompt: form for form, ways in forms.SYSTEM_PROMPTS for prompt in ways}
    seen = {talk[0]["content"] for talk in corpus.conversations(600, seed=1)}
    assert set(prompts) <= seen
