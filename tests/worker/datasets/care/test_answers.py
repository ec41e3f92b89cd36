"""Odd answers: refusals that are ones, the same answer to several questions, lengths."""

from typing import Any

import numpy as np
import pytest

from worker.datasets.care.answers import Answers
from worker.datasets.care.refusals import LONGEST, is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "I cannot help with that.",
        "I'm sorry, but I can't assist with that request.",
        "I am sorry, I cannot provide medical advice.",
        "As an AI language model, I cannot provide personal opinions.",
        "Sorry, I am unable to answer this question.",
        "I apologize, but I can\u2019t fulfill this request.",
        "I won't do that.",
        "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
        "Als KI-Sprachmodell kann ich diese Frage nicht beantworten.",
        "Leider kann ich dazu keine Auskunft geben.",
        "Je suis désolé, mais je ne peux pas vous aider avec cela.",
        "En tant qu'IA, je ne peux pas répondre à cette question.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "Como modelo de lenguaje, no puedo proporcionar esa información.",
    ],
)
def test_it_refuses(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "I will not succeed.",
        "I can't believe how well this works.",
        "Patients cannot help themselves.",
        "The trial could not provide evidence.",
        "No, I am an AI assistant developed by somebody.",
        "Ich kann nicht schwimmen.",
        "No puedo nadar.",
        "Je ne suis pas un robot.",
        "Sorry to hear that! Rest and drink enough.",
        "",
    ],
)
def test_it_answers(text: str) -> None:
    assert not is_refusal(text)


def test_a_long_answer_that_begins_with_a_reservation_is_no_refusal() -> None:
    text = "I cannot provide a diagnosis. "
    assert is_refusal(text)
    assert not is_refusal(text + "But here is what is known about it. " * (LONGEST // 30))


def test_lengths_are_of_characters(prepared: Any) -> None:
    rows = [{"text": "x" * length} for length in (1, 2, 3, 4, 100)]
    answers = Answers()
    for number, row in enumerate(rows):
        answers.add(number, row, row["text"])
    lengths = answers.found(prepared(rows), np.arange(5))["lengths"]
    assert (lengths["median"], lengths["longest"]) == (3, 100)
    assert 4 <= lengths["p90"] <= 100
