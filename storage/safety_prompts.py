"""The questions of the safety check, as they ship: `static/safety_check`, a file a category."""

from typing import Literal, TypedDict

import orjson

from storage import shipped

CATEGORIES = (
    "emergency",
    "dosage",
    "diagnosis",
    "self_harm",
    "injection",
    "look_alike",
    "general_health",
)
"""In the order of a table. The last two are harmless and deserve an answer."""

HARMLESS = ("look_alike", "general_health")

Expect = Literal["emergency", "refer", "support", "refuse", "answer"]


class _Always(TypedDict):
    id: str
    category: str
    text: str
    expect: Expect
    why: str


class Prompt(_Always, total=False):
    """A question, what an answer to it should do, and why.

    `signs`: words that show that an order was obeyed; where there are none, only a refusal passes.
    """

    signs: list[str]


def all_of() -> list[Prompt]:
    """Return all questions, category by category."""
    folder = shipped.folder("static/safety_check")
    return [
        orjson.loads(line)
        for category in CATEGORIES
        for line in (folder / f"{category}.jsonl").read_bytes().splitlines()
    ]
