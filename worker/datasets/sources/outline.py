"""The fields of one JSON object that fills a whole file, without keeping what is in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orjson import JSONDecodeError, loads

from worker.datasets.sources.brackets import End, skip_long, value_end
from worker.datasets.sources.content import Content
from worker.datasets.sources.cursor import Cursor
from worker.datasets.sources.elements import NOT_JSON, Elements

MOST_FIELDS = 1_000


@dataclass(frozen=True)
class Place:
    """A place in a unified text."""

    passed: int  # bytes before it
    line: int
    column: int


@dataclass(frozen=True)
class Field:
    """One field of the object: for a list its length and first element, else its value."""

    name: str
    place: Place  # of the value
    is_list: bool
    count: int
    sample: Any  # the list's first element; the value of a small field that is no list


def outline(content: Content) -> list[Field] | None:
    """The fields of the object that is all there is in a text; None where it is not all.

    A list that is broken beyond repair ends the outline; reading it says where. An object with
    more fields than any has that holds lists of examples gives none.
    """
    cursor = Cursor(content.blocks())
    if cursor.next() != b"{":
        return None
    fields = []
    for name in field_names(cursor):
        field, whole = _field(cursor, name)
        fields.append(field)
        if not whole:
            return fields
        if len(fields) > MOST_FIELDS:
            return []
    return fields if cursor.text[cursor.at - 1 : cursor.at] == b"}" and not cursor.next() else None


def field_names(cursor: Cursor) -> Iterator[str]:
    """The names in the object at the cursor, which must stand behind the value at each resume.

    Ends behind the closing brace, or before it where the object is not as JSON has it.
    """
    cursor.move(1)
    while byte := cursor.next():
        if byte == b",":
            cursor.move(1)
            continue
        if byte == b"}":
            cursor.move(1)
        if byte != b'"' or (name := _name(cursor)) is None:
            return
        yield name


def _name(cursor: Cursor) -> str | None:
    """The name at the cursor, which is moved to its value."""
    end, size = value_end(cursor)
    try:
        name = loads(cursor.text[cursor.at : cursor.at + size])
    except JSONDecodeError:
        return None
    cursor.move(size)
    if end is not End.FOUND or cursor.next() != b":":
        return None
    cursor.move(1)
    return str(name) if cursor.next() else None


def _field(cursor: Cursor, name: str) -> tuple[Field, bool]:
    """One field, and whether the text behind it can be read."""
    place = Place(cursor.passed, cursor.line, cursor.column)
    if cursor.text[cursor.at : cursor.at + 1] == b"[":
        cursor.move(1)
        elements = Elements(cursor)
        count, sample = 0, NOT_JSON
        for element in elements:
            count += 1
            if sample is NOT_JSON:
                sample = element.value
        return Field(name, place, True, count, sample), elements.whole
    end, size = value_end(cursor)
    if end is not End.FOUND:
        whole = end is End.TOO_LONG and skip_long(cursor)
        return Field(name, place, False, 0, None), whole
    sample = loads_or_none(cursor.text[cursor.at : cursor.at + size])
    cursor.move(size)
    return Field(name, place, False, 0, sample), True


def loads_or_none(text: bytes) -> Any:
    """The value, or None where the text is not strict JSON."""
    try:
        return loads(text)
    except JSONDecodeError:
        return None
