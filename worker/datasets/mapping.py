"""Recognises from a sample how a file is to be read, asks where that is not clear, and previews."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from storage.errors import StudioError
from storage.mappings import Mapping, Target
from worker.datasets.faults import Refusal, quoted
from worker.datasets.fields import Record
from worker.datasets.names import Column, columns_of, guess
from worker.datasets.reading import object_of
from worker.datasets.shapes import is_complete, read, shape_of

__all__ = ["SURE", "Recognition", "Unsure", "preview", "read", "recognise"]

SURE = 0.8  # from this confidence on a file is read without a question
_ROWS_SHOWN = 5
_TEXT_SHOWN = 2_000  # characters of a text in a shown row


class Unsure(StudioError):
    """It must be asked which field is which.

    Attributes:
        question: columns, guess, confidence, why and rows, as the mapping dialog shows them.
        found: what whoever passes it on has learned of the file already.
    """

    def __init__(self, question: dict[str, Any]) -> None:
        super().__init__(
            "It is not clear which field holds the question and which the answer.",
            "Choose the fields; the choice is remembered for the next file of this kind.",
        )
        self.question = question
        self.found: dict[str, Any] = {}


@dataclass(frozen=True)
class Recognition:
    """How a file is read.

    Attributes:
        shape: the format of most rows; "columns" where a mapping was made from their names.
        target: what its rows become.
        confidence: 0 to 1.
        mapping: how rows are read that name no known format themselves, where that is known.
        why: what the confidence rests on, in words.
        columns: the fields met.
        rows: the first rows.
    """

    shape: str
    target: Target
    confidence: float
    mapping: Mapping | None
    why: str
    columns: list[Column]
    rows: list[Record]

    def question(self) -> dict[str, Any]:
        """What the mapping dialog shows."""
        shown = ("name", "kind", "examples", "filled")
        columns = [{name: asdict(each)[name] for name in shown} for each in self.columns]
        return {
            "columns": [column | {"examples": list(column["examples"])} for column in columns],
            "guess": self.mapping.model_dump(mode="json") if self.mapping else None,
            "confidence": round(self.confidence, 2),
            "why": self.why,
            "rows": [_cut(row) for row in self.rows[:_ROWS_SHOWN]],
        }


def recognise(rows: list[Any]) -> Recognition:
    """How the rows of a sample are read; a guess of low confidence where that is not clear."""
    records = [record for row in rows if (record := _record(row)) is not None]
    columns = columns_of(records)
    known = Counter(named for record in records if (named := _known(record)))
    total = max(1, len(records))
    share = known.total() / total
    guessed, sure, why = guess(columns, records)
    if known and (share >= 0.5 or guessed is None):
        (shape, target), count = known.most_common(1)[0]
        usual = next(
            (found[1] for row in records if (found := shape_of(row)) and found[0] == shape), None
        )
        words = f"{count:,} of {len(records):,} rows have the fields of this format."
        return Recognition(shape, target, share, usual, words, columns, records)
    target = guessed.target if guessed else Target.CHAT
    return Recognition("columns", target, sure, guessed, why, columns, records)


def preview(rows: list[Any], mapping: Mapping) -> dict[str, Any]:
    """What a mapping makes of some rows.

    Returns:
        rows: each as it would be kept, or {"refused": why}; faults: words for each part of the
        mapping that cannot be right for these rows.
    """
    return {"rows": [_previewed(row, mapping) for row in rows], "faults": _faults(rows, mapping)}


def _previewed(row: Any, mapping: Mapping) -> dict[str, Any]:
    try:
        return read(row, mapping)
    except Refusal as refusal:
        return {"refused": f"{refusal.reason} {refusal.hint}"}


def _faults(rows: list[Any], mapping: Mapping) -> dict[str, str]:
    records = [record for row in rows if (record := _record(row)) is not None]
    seen = {name for record in records for name in record}
    faults: dict[str, str] = {}
    chosen = mapping.model_dump(exclude_none=True, exclude={"target", "role", "content", "roles"})
    for part, fields in chosen.items():
        names = [fields] if isinstance(fields, str) else list(fields)
        absent = [name for name in names if name not in seen]
        if absent and part != "held_out":
            faults[part] = f"No row has the field {quoted(absent[0])}."
    twice = [name for name in mapping.question if name == mapping.answer]
    if twice:
        faults["answer"] = f"{quoted(twice[0])} cannot be both the question and the answer."
    return faults


def _known(record: Record) -> tuple[str, Target] | None:
    """The format that a row's fields name, if all it needs is there."""
    found = shape_of(record)
    if found is None:
        return None
    shape, mapping = found
    return (shape, mapping.target) if is_complete(record, mapping) else None


def _record(row: Any) -> Record | None:
    try:
        return object_of(row)
    except Refusal:
        return None


def _cut(value: Any) -> Any:
    """The same value with long texts and lists shortened, so that it can be shown."""
    if isinstance(value, str):
        return value if len(value) <= _TEXT_SHOWN else value[:_TEXT_SHOWN] + "…"
    if isinstance(value, list):
        return [_cut(part) for part in value[:20]]
    if isinstance(value, dict):
        return {name: _cut(part) for name, part in list(value.items())[:50]}
    return value
