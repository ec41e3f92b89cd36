"""Takes one field out of a row, or says why it cannot be used."""

from difflib import get_close_matches
from typing import Any

from worker.datasets.faults import Refusal, quoted
from worker.datasets.turns import named_type

Record = dict[str, Any]


def required(row: Record, field: str) -> str:
    """The text of a field that must be there."""
    if field not in row:
        raise missing(row, field)
    return is_text(row[field], field)


def optional(row: Record, field: str | None) -> str:
    """The text of a field; empty where it is missing or null."""
    value = row.get(field) if field else None
    return "" if value is None else is_text(value, str(field))


def is_text(value: Any, field: str) -> str:
    """The value itself, if it is text."""
    if isinstance(value, str):
        return value
    raise Refusal(
        "field_not_text",
        f"{quoted(field)} is {named_type(value)}, but text is needed.",
        "Put the text in quotation marks, or remove the line.",
    )


def missing(row: Record, field: str) -> Refusal:
    """The refusal of a row without this field; names the one that may be its misspelling."""
    near = [key for key in row if get_close_matches(key.lower(), [field], 1, 0.75)]
    meant = f" Did you mean {quoted(field)} where it says {quoted(near[0])}?" if near else ""
    return Refusal(
        "field_missing",
        f"The field {quoted(field)} is missing; the fields are: {named(row)}.",
        f"Add {quoted(field)}, or remove the line.{meant}",
    )


def named(row: Record) -> str:
    """The names of a row's fields, for a sentence."""
    more = f" and {len(row) - 8} more" if len(row) > 8 else ""
    return (", ".join(quoted(key) for key in list(row)[:8]) or "none") + more
