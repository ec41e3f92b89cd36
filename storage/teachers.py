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
    sizes = [(facts or {}).get("vocabulary_size") for facts in (student, teacher)]
    if None in sizes or abs(sizes[0] - sizes[1]) <= _FILLED_UP:
        return ""
    return (
        f"It reads text in {sizes[1]:,} kinds of tokens, the base model in {sizes[0]:,}: choose a "
        "teacher of the same family, or let it write the answers under Prepare."
    )


def teacher_advice(student: dict[str, Any] | None, teacher: dict[str, Any] | None) -> str:
    """Return what to think about before Start, in words; empty where nothing stands out."""
    sizes = [(facts or {}).get("parameters") for facts in (student, teacher)]
    if None in sizes or sizes[1] > sizes[0]:
        return ""
    return "The teacher is not larger than the base model; most is learned from a larger one."
