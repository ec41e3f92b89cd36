"""JSON that is not one object a line: lists, objects that hold lists, and columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from orjson import dumps

from worker.datasets.faults import Refusal, quoted
from worker.datasets.sources.batch import BATCH_BYTES, Batch, Part
from worker.datasets.sources.brackets import value_end
from worker.datasets.sources.content import Content
from worker.datasets.sources.cursor import Cursor
from worker.datasets.sources.elements import NOT_JSON, Element, Elements
from worker.datasets.sources.outline import Place, field_names

START = Place(0, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Listed(Part):
    """Every element of a list is a record.

    Attributes:
        place: of the list's opening bracket; the text behind the list counts only at the start.
        inner: the record is this field of the element, as in the hub's row exports.
        split: put into every record that says none itself.
    """

    content: Content
    place: Place = START
    inner: str = ""
    split: str = ""

    def batches(self) -> Iterator[Batch]:
        """Gives every element once, in order."""
        cursor = _cursor_at(self.content, self.place)
        yield from _gathered(self._elements(cursor), cursor)

    def _elements(self, cursor: Cursor) -> Iterator[Element]:
        while cursor.next() == b"[":
            cursor.move(1)
            elements = Elements(cursor)
            yield from map(self._record, elements) if self.inner or self.split else elements
            if self.place.passed:
                return
        if cursor.next():
            yield _text_after(cursor)

    def _record(self, element: Element) -> Element:
        text, value = element.text, element.value
        if isinstance(text, Refusal) or not isinstance(value, dict):
            return element
        if self.inner and isinstance(value.get(self.inner), dict):
            if value.get("truncated_cells"):
                return element._replace(text=_cells_cut(value["truncated_cells"]))
            text, value = _field_text(text, self.inner), value[self.inner]
        if self.split and "split" not in value:
            mark = b'"split":' + dumps(self.split) + b"}"
            text = text[:-1] + (b"," if value else b"") + mark
        return Element(text, element.line, element.column, value)


@dataclass(frozen=True, kw_only=True)
class Following(Part):
    """Values written one after the other over several lines each, or a single one."""

    content: Content

    def batches(self) -> Iterator[Batch]:
        """Gives every value once, in order."""
        cursor = Cursor(self.content.blocks())
        yield from _gathered(Elements(cursor, closed=False), cursor)


@dataclass(frozen=True, kw_only=True)
class Columns(Part):
    """One object with a list for each column; the lists are walked side by side."""

    content: Content
    columns: tuple[tuple[str, Place], ...]

    def batches(self) -> Iterator[Batch]:
        """Gives every row once, in order; its place is that of the first column's cell."""
        cursors = [_cursor_at(self.content, place) for _, place in self.columns]
        for cursor in cursors:
            cursor.next()
            cursor.move(1)
        names = [dumps(name) for name, _ in self.columns]
        cells = zip_longest(*(Elements(cursor) for cursor in cursors))
        yield from _gathered((_row(names, row) for row in cells), cursors[0])


def _cursor_at(content: Content, place: Place) -> Cursor:
    cursor = Cursor(content.blocks_from(place.passed))
    cursor.passed, cursor.line, cursor.column = place.passed, place.line, place.column
    return cursor


def _row(names: list[bytes], cells: tuple[Element | None, ...]) -> Element:
    """The object of one cell of every column; a column that ended early has no cell."""
    there = next(cell for cell in cells if cell)
    pieces = []
    for name, cell in zip(names, cells, strict=True):
        if cell is None or isinstance(cell.text, Refusal):
            text = cell.text if cell else _cell_missing()
            return Element(text, there.line, there.column, NOT_JSON)
        pieces.append(name + b":" + cell.text)
    return Element(b"{" + b",".join(pieces) + b"}", there.line, there.column, None)


def _cell_missing() -> Refusal:
    return Refusal(
        "column_ends",
        "One of the columns has no value for this row.",
        "Every column must hold as many values as the others.",
    )


def _cells_cut(names: Any) -> Refusal:
    """The hub's row export shortens long cells, and says so beside the row."""
    return Refusal(
        "cut_by_the_hub",
        f"The rows API cut this row short (in {quoted(names)}).",
        "Download the dataset's files instead of its preview.",
    )


def _field_text(text: bytes, name: str) -> bytes:
    """The bytes of a field's value in an object that is strict JSON and has the field."""
    cursor = Cursor(iter([(text, len(text))]))
    cursor.next()
    value = b""
    for found in field_names(cursor):
        _, size = value_end(cursor)
        if found == name:
            value = cursor.text[cursor.at : cursor.at + size]
        cursor.move(size)
    return value


def _text_after(cursor: Cursor) -> Element:
    """What stands behind the end of the list, as one fault."""
    line, column = cursor.line, cursor.column
    while cursor.more():
        cursor.move(cursor.arrived())
    refusal = Refusal(
        "text_after",
        "Text follows the end of the list; it was not read.",
        "Remove it, or put what belongs to the examples inside the list.",
    )
    return Element(refusal, line, column, NOT_JSON)


def _gathered(elements: Iterable[Element], cursor: Cursor) -> Iterator[Batch]:
    """Batches of about `BATCH_BYTES` of records."""
    lines: list[bytes | Refusal] = []
    numbers: list[int] = []
    columns: list[int] = []
    size, ends_open = 0, False
    for text, line, column, _, ends_open in elements:
        lines.append(text)
        numbers.append(line)
        columns.append(column)
        size += len(text) + 100 if isinstance(text, bytes) else 100
        if size > BATCH_BYTES:
            yield Batch(lines, numbers, columns, cursor.read, ends_open)
            lines, numbers, columns, size = [], [], [], 0
    if lines:
        yield Batch(lines, numbers, columns, cursor.read, ends_open)
