"""The formats that are recognised by the names of a row's own fields."""

from difflib import get_close_matches
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from storage.mappings import Mapping, Target
from worker.datasets.faults import Notes, Refusal, quoted
from worker.datasets.fields import Record, named
from worker.datasets.pairs import labelled_row, preference_row, verdict_of
from worker.datasets.reading import chat_row, object_of, split_of, text_row
from worker.datasets.roles import SHAREGPT_ROLES

_ROLES = dict(SHAREGPT_ROLES)
_SHAREGPT: dict[str, Any] = {
    "role": "from",
    "content": "value",
    "roles": _ROLES,
    "system": "system",
}

SHAPES: MappingProxyType[str, Mapping] = MappingProxyType(
    {
        "messages": Mapping(messages="messages", tools="tools"),
        "sharegpt": Mapping(messages="conversations", tools="tools", **_SHAREGPT),
        "alpaca": Mapping(
            question=("instruction", "input"), answer="output", system="system", history="history"
        ),
        "prompt_completion": Mapping(
            question=("prompt",), answer="completion", system="system", tools="tools"
        ),
        "text": Mapping(target=Target.TEXT, text="text"),
    }
)
"""Formats of conversations and texts, in the order in which they are looked for."""

_FIRST = {
    "messages": "messages",
    "conversations": "sharegpt",
    "instruction": "alpaca",
    "prompt": "prompt_completion",
    "text": "text",
}
_ASKED = ("prompt", "question", "query", "instruction", "input")
NAMES = (*SHAPES, "preference", "kto", "columns")
"""Every format, as reports name them; a file of several is "mixed"."""

_ALL_FIELDS = ("messages", "conversations", "instruction", "output", "prompt", "completion", "text")
_LABELS = ("kto_tag", "label")


def shape_of(row: Record) -> tuple[str, Mapping] | None:
    """The name of the row's format and how it is read; None where its fields name none."""
    if "chosen" in row and "rejected" in row:
        return "preference", _preference(*_asked(row))
    for label in _LABELS:
        if label in row and (label == "kto_tag" or verdict_of(row[label]) is not None):
            answer = next((name for name in ("completion", "output") if name in row), None)
            fields = _asked(row)
            if answer or fields[0]:
                return "kto", _labelled(*fields, fields[0] or str(answer), label)
    for field, name in _FIRST.items():
        if field in row:
            return name, SHAPES[name]
    return None


def _asked(row: Record) -> tuple[str | None, tuple[str, ...]]:
    """The field with a conversation, or those with the question, of a row that is judged."""
    turns = next((name for name in ("conversations", "messages") if name in row), None)
    question = tuple(name for name in _ASKED if name in row)
    both = question[:2] == ("instruction", "input")
    return turns, question[: 2 if both else 1] or ("prompt",)


@lru_cache(maxsize=64)
def _preference(turns: str | None, question: tuple[str, ...]) -> Mapping:
    return Mapping(
        target=Target.PREFERENCE,
        messages=turns,
        question=() if turns else question,
        chosen="chosen",
        rejected="rejected",
        tools="tools",
        **_spelt(turns),
    )


@lru_cache(maxsize=64)
def _labelled(turns: str | None, question: tuple[str, ...], answer: str, label: str) -> Mapping:
    return Mapping(
        target=Target.LABELLED,
        messages=turns,
        question=() if turns else question,
        answer=answer,
        label=label,
        **_spelt(turns),
    )


def _spelt(turns: str | None) -> dict[str, Any]:
    return _SHAREGPT if turns == "conversations" else {"system": "system"}


def read(row: Record, mapping: Mapping, notes: Notes | None = None) -> Record:
    """The row in the form that is kept; raises `Refusal`."""
    notes = notes if notes is not None else Notes()
    row = object_of(row)
    if mapping.target is Target.TEXT:
        clean = text_row(row, mapping)
    elif mapping.target is Target.PREFERENCE:
        clean = preference_row(row, mapping, notes)
    elif mapping.target is Target.LABELLED:
        clean = labelled_row(row, mapping, notes)
    else:
        clean = chat_row(row, mapping, notes)
    side = split_of(row, mapping)
    return clean | {"split": side} if side else clean


def is_complete(row: Record, mapping: Mapping) -> bool:
    """Whether the row has every field that this mapping cannot do without."""
    needed = [mapping.messages, mapping.answer, mapping.text, mapping.chosen, mapping.label]
    asked = mapping.chosen is not None or not mapping.question
    return (asked or any(name in row for name in mapping.question)) and all(
        name in row for name in needed if name
    )


def reserved(shape: str) -> frozenset[str]:
    """The fields that make a row of this format one of another format."""
    names = list(_FIRST)
    place = next((names.index(first) for first, name in _FIRST.items() if name == shape), 0)
    return frozenset({"chosen", "rejected", *_LABELS, "row", "row_idx", *names[:place]})


def fields_of(mapping: Mapping) -> frozenset[str]:
    """The fields that something is learned from, and the one that divides the rows."""
    single = (
        mapping.messages,
        mapping.answer,
        mapping.system,
        mapping.history,
        mapping.text,
        mapping.chosen,
        mapping.rejected,
        mapping.label,
        mapping.tools,
        mapping.split,
    )
    return frozenset(mapping.question) | {name for name in single if name}


def unrecognised(row: Record) -> Refusal:
    """No field tells the format: says what was seen, what is needed, and the likely misspelling."""
    for key in list(row)[:20]:
        near = get_close_matches(key.strip().lower(), _ALL_FIELDS, 1, 0.75)
        if near and near[0] != key and near[0] not in row:
            return Refusal(
                "field_misspelt",
                f"The field {quoted(key)} is not known; the fields are: {named(row)}.",
                f"Did you mean {quoted(near[0])}?",
            )
    return Refusal(
        "fields_unknown",
        f"No known format has these fields: {named(row)}.",
        'Needed is one of: "messages"; "conversations"; "instruction" and "output"; '
        '"prompt" and "completion"; "text".',
    )
