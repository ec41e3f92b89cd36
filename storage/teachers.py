"""Whether a larger model can teach a base model, as far as their facts tell before a run."""

from typing import Any

_FILLED_UP = 512
"""Heads of one family may be filled up by so many unused tokens; more is another vocabulary."""


def teacher_fault(student: dict[str, Any] | None, teacher: dict[str, Any] | None) -> str:
    """Return why a model cannot be the teacher, in words; empty where nothing is against it.

    The run compares the tokens themselves before its first step; here only the sizes are known.

    Args:
        student: the facts of the base model, see `storage.model_facts`; None: not known yet.
        teacher: those of the teacher.
    """
    own, other = _both("vocabulary_size", student, teacher)
    if own is None or other is None or abs(own - other) <= _FILLED_UP:
        return ""
    return (
        f"It reads text in {other:,} kinds of tokens, the base model in {own:,}: choose a "
        "teacher of the same family, or let it write the answers under Prepare."
    )


def teacher_advice(student: dict[str, Any] | None, teacher: dict[str, Any] | None) -> str:
    """Return what to think about before Start, in words; empty where nothing stands out."""
    own, other = _both("parameters", student, teacher)
    if own is None or other is None or other > own:
        return ""
    return "The teacher is not larger than the base model; most is learned from a larger one."


def _both(name: str, *facts: dict[str, Any] | None) -> list[int | None]:
    return [(each or {}).get(name) for each in facts]
