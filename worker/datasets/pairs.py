"""Rows with a judgement: a better and a worse answer, or one answer that is good or bad."""

import re
from typing import Any

from storage.mappings import Mapping
from worker.datasets.faults import Notes, Refusal, quoted
from worker.datasets.fields import Record, missing
from worker.datasets.reading import (
    answer_turns,
    question_turns,
    tools_field,
    turns_of,
    unfolded,
)
from worker.datasets.turns import Turn, check_order, named_type

_GOOD = {"true", "1", "1.0", "yes", "y", "good", "up", "positive", "chosen", "desirable"}
_GOOD |= {"+1", "👍"}
_BAD = {"false", "0", "0.0", "no", "n", "bad", "down", "negative", "rejected"}
_BAD |= {"undesirable", "-1", "👎"}
_TALK = re.compile(r"\n\n(Human|Assistant): ?")


def preference_row(row: Record, mapping: Mapping, notes: Notes) -> Record:
    """A question with a better and a worse answer."""
    chosen, rejected = str(mapping.chosen), str(mapping.rejected)
    for field in (chosen, rejected):
        if field not in row:
            raise missing(row, field)
    sides = [_talk(row[field], field, mapping, notes) for field in (chosen, rejected)]
    if sides[0] is not None and sides[1] is not None:
        prompt, answers = _shared(sides[0], sides[1], chosen, rejected)
        prompt = _system_first(row, mapping, prompt)
    else:
        prompt = question_turns(row, mapping, notes)
        answers = [answer_turns(row, field, mapping, notes) for field in (chosen, rejected)]
    for answer in answers:
        check_order(prompt + answer)
    if answers[0] == answers[1]:
        raise Refusal(
            "same_answers",
            f"{quoted(chosen)} and {quoted(rejected)} are the same, so nothing is preferred.",
            "Write a worse answer, or remove the line.",
        )
    clean = {"prompt": prompt, "chosen": answers[0], "rejected": answers[1]}
    return clean | tools_field(row, mapping)


def labelled_row(row: Record, mapping: Mapping, notes: Notes) -> Record:
    """A question, an answer, and whether that is a good one.

    Where one field is both, its conversation ends with the answer.
    """
    turns = question_turns(row, mapping, notes)
    if mapping.answer == mapping.messages:
        turns, completion = turns[:-1], turns[-1:]
    else:
        completion = answer_turns(row, str(mapping.answer), mapping, notes)
    check_order(turns + completion)
    return {"prompt": turns, "completion": completion, "label": label_of(row, str(mapping.label))}


def label_of(row: Record, field: str) -> bool:
    """Whether the answer is good; raises the `Refusal` of a value that does not say so."""
    if field not in row:
        raise missing(row, field)
    verdict = verdict_of(row[field])
    if verdict is None:
        shown = row[field] if isinstance(row[field], str) else named_type(row[field])
        raise Refusal(
            "label_not_true_or_false",
            f"{quoted(field)} is {quoted(shown)}, which says neither good nor bad.",
            "Write true for a good answer and false for a bad one.",
        )
    return verdict


def verdict_of(value: Any) -> bool | None:
    """True for good, False for bad, None for a value that says neither."""
    word = str(value).strip().lower() if isinstance(value, str | int | float) else ""
    word = word.rstrip("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff\ufe0f")
    return True if word in _GOOD else False if word in _BAD else None


def _talk(value: Any, field: str, mapping: Mapping, notes: Notes) -> list[Turn] | None:
    """The turns of a side that is a whole conversation; None where it is an answer alone."""
    value = unfolded(value)
    if isinstance(value, list) and len(value) > 1:
        turns = turns_of(value, field, mapping, notes)
        return turns if turns[0]["role"] != "assistant" else None
    if isinstance(value, str) and value.startswith("\n\nHuman:"):
        parts = _TALK.split(value)[1:]
        return [
            {"role": "user" if who == "Human" else "assistant", "content": text.strip()}
            for who, text in zip(parts[::2], parts[1::2], strict=True)
        ]
    return None


def _shared(
    chosen: list[Turn], rejected: list[Turn], better: str, worse: str
) -> tuple[list[Turn], list[list[Turn]]]:
    """Divides two conversations into the turns they share and the two answers."""
    same = 0
    for one, other in zip(chosen[:-1], rejected[:-1], strict=False):
        if one != other:
            break
        same += 1
    if same == 0 or chosen[same]["role"] != "assistant" or rejected[same]["role"] != "assistant":
        raise Refusal(
            "prompts_differ",
            f"{quoted(better)} and {quoted(worse)} do not answer the same question.",
            "Both must begin with the same messages and differ in the answer alone.",
        )
    return chosen[:same], [chosen[same:], rejected[same:]]


def _system_first(row: Record, mapping: Mapping, prompt: list[Turn]) -> list[Turn]:
    system = row.get(mapping.system) if mapping.system else None
    if isinstance(system, str) and system and prompt[0]["role"] != "system":
        return [{"role": "system", "content": system}, *prompt]
    return prompt
