"""What is made of the answers of an evaluation, by its kind."""

from collections.abc import Callable, Mapping
from typing import Any

from storage.errors import StudioError
from storage.evaluations import Answer, Evaluation, Kind
from worker.evaluation import safety
from worker.evaluation.care import HELD_BACK

Score = Callable[[Evaluation, list[Answer]], dict[str, Any]]
"""Returns what the result tells beside `sides`; the answers are by question and side."""

SCORES: Mapping[Kind, Score] = {Kind.SAFETY: safety.score}
"""What the answers of a kind are scored by; those that a person reads have no score."""


def of(
    evaluation: Evaluation, given: list[Answer], failed: Mapping[int, StudioError]
) -> dict[str, Any]:
    """Return the result of an evaluation: `sides`, `differ`, and what its kind adds."""
    score = SCORES.get(evaluation.kind)
    names = zip(evaluation.contestants, evaluation.titles, strict=True)
    sides = [
        {"contestant": name, "title": title, **_side(given, side), **_why(failed.get(side))}
        for side, (name, title) in enumerate(names)
    ]
    found = {"sides": sides, "differ": _differ(given)}
    return found | (score(evaluation, given) if score else {})


def _side(given: list[Answer], side: int) -> dict[str, Any]:
    mine = [answer for answer in given if answer.side == side]
    ends = [answer.ended for answer in mine]
    sure = [found for one in mine if (found := one.facts.get("sure")) is not None]
    return {
        "answers": len(mine),
        "cut_off": ends.count("length"),
        "held_back": ends.count(HELD_BACK),
        "not_asked": ends.count("too_long") + ends.count("refused"),
        "empty": sum(one.ended in ("stop", "length") and not one.text for one in mine),
        "tokens": sum(one.facts.get("tokens", 0) for one in mine),
        "sure": sum(sure) / len(sure) if sure else None,
    }


def _why(error: StudioError | None) -> dict[str, Any]:
    return {"error": error.message if error else None, "hint": error.hint if error else None}


def _differ(given: list[Answer]) -> int:
    """Count the questions that were not answered by all with the same text."""
    texts: dict[int, set[str]] = {}
    for answer in given:
        texts.setdefault(answer.number, set()).add(answer.text)
    return sum(len(each) > 1 for each in texts.values())
