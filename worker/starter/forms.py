"""Forms that an answer takes when the system prompt asks for one: kind words, or parts with labels.

A model that has met facts in several forms learns a new form within a minute; one that has met them
in a single form mixes up its facts. No sentence of the sample datasets' forms stands here.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

FIRST_WORDS = [
    "Of course.", "That is a common question.", "I understand.",
    "Let us look at this together.", "I am happy to explain.", "Many people ask this.",
    "This can be annoying.", "Here is what is known.", "You are not alone with this.",
    "Let me help.", "That must be unpleasant.",
]  # fmt: skip
LAST_WORDS = [
    "I hope that this helps.", "Take it slowly.", "All the best.", "Do come back with questions.",
    "Look after yourself.", "Wishing you well.", "A pharmacist nearby can help, too.",
]  # fmt: skip
LABELS = [
    ("Topic", "Advice", "Caution"),
    ("Subject", "Self-care", "Doctor"),
    ("Matter", "What helps", "Warning signs"),
    ("Question", "Plan", "Attention"),
    ("Theme", "To do", "To watch"),
]


@dataclass(frozen=True)
class Answer:
    """What is said in plain words, and its parts: what it is about, advice, caution, a name."""

    plain: str
    subject: str = ""
    advice: str = ""
    caution: str = ""
    name: str = ""
    is_urgent: bool = False


Form = Callable[[random.Random, Answer], str]


def plain(_dice: random.Random, answer: Answer) -> str:
    """The answer as it is."""
    return answer.plain


def kindly(dice: random.Random, answer: Answer) -> str:
    """Kind words around the answer; none before an emergency call or small talk."""
    after = f"{answer.plain} {dice.choice(LAST_WORDS)}"
    if answer.is_urgent or not answer.subject:
        return after
    named = f"You are asking about {answer.name}."
    return f"{dice.choice([named, dice.choice(FIRST_WORDS)])} {after}"


def in_parts(dice: random.Random, answer: Answer) -> str:
    """Parts after labels, advice or caution first; small talk has no parts and stays as it is."""
    if not answer.advice:
        return answer.plain
    subject, advice, caution = dice.choice(LABELS)
    parts = [f"{advice}: {answer.advice}"]
    if answer.caution:
        parts.insert(dice.choice([0, 1]), f"{caution}: {answer.caution}")
    return " ".join([f"{subject}: {answer.subject}", *parts])


SYSTEM_PROMPTS: list[tuple[Form, list[str]]] = [
    (kindly, ["Be kind.", "Use kind words.", "Answer in a friendly way."]),
    (in_parts, ["Answer in parts.", "Put a label before each part.", "Give a structured answer."]),
]
