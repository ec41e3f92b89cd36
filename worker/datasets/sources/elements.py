"""Splits a JSON list of any size into its elements, and finds its way again behind a broken one.

The quick way takes the bytes up to a closing bracket that balances the count and parses them: what
parses as one whole JSON value is the element, since a JSON value ends where it ends. Only where
that fails are brackets and strings followed one by one (`brackets`). Where those do not fit
together the next element is looked for by what the good ones had in common: the name of their
first field.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from orjson import JSONDecodeError, loads

from worker.datasets.faults import Refusal
from worker.datasets.sources.batch import LINE_LIMIT, too_long
from worker.datasets.sources.brackets import End, skip_long, value_end
from worker.datasets.sources.cursor import Cursor

NOT_JSON = object()  # the value of an element that is not strict JSON
QUICK_TRIES = 300  # closing brackets to try, before they are followed one by one
SEARCH_TRIES = 50  # likely starts of an element to try behind a broken one
_FIRST_NAME = re.compile(rb'\{\s*("(?:[^"\\]|\\.)*+")\s*:', re.DOTALL)
_CLOSING = {b"{": b"}", b"[": b"]"}


class Element(NamedTuple):
    """One element: its bytes, on one line if it is strict JSON, and its place and value."""

    text: bytes | Refusal
    line: int
    column: int
    value: Any
    ends_open: bool = False


class Elements:
    """The elements of the list whose opening bracket the cursor has passed.

    Args:
        cursor: moved behind the closing bracket in the end.
        closed: False for values that follow each other without a list around them.
    """

    def __init__(self, cursor: Cursor, closed: bool = True) -> None:
        self._cursor = cursor
        self._closed = closed
        self._first_name = b""  # of the good elements seen so far, as it is written
        self.whole = True  # False once the rest of the text had to be given up

    def __iter__(self) -> Iterator[Element]:
        cursor = self._cursor
        while byte := cursor.next():
            if byte == b",":
                cursor.move(1)
            elif byte == b"]" and self._closed:
                cursor.move(1)
                return
            else:
                yield self._element(byte)
        if self._closed and self.whole:
            yield self._ended()

    def _ended(self) -> Element:
        """The list was not closed: rows may be missing, even if none is broken."""
        self.whole = False
        refusal = Refusal(
            "cut_off",
            "The list is not closed: the file looks cut off behind its last example.",
            "Copy or download the file again; an upload or export may have stopped early.",
        )
        return Element(refusal, self._cursor.line, self._cursor.column, NOT_JSON)

    def _element(self, first: bytes) -> Element:
        line, column = self._cursor.line, self._cursor.column
        size, value = _quick_end(self._cursor, _CLOSING[first]) if first in _CLOSING else (0, None)
        if size:
            return Element(self._take_good(size, value), line, column, value)
        end, size = value_end(self._cursor)
        if end is End.FOUND:
            return self._element_found(size, line, column)
        return self._broken(end, size, line, column)

    def _element_found(self, size: int, line: int, column: int) -> Element:
        cursor = self._cursor
        text = cursor.text[cursor.at : cursor.at + size]
        value = _parsed(text)
        if value is not NOT_JSON:
            return Element(self._take_good(size, value), line, column, value)
        cursor.move(size)
        return Element(text, line, column, NOT_JSON)

    def _take_good(self, size: int, value: Any) -> bytes:
        """Strict JSON holds line ends only between its parts, where they may be left out."""
        cursor = self._cursor
        text = cursor.text[cursor.at : cursor.at + size]
        if not self._first_name and type(value) is dict and value:
            found = _FIRST_NAME.match(text)
            self._first_name = found[1] if found else b""
        cursor.move(size)
        return b"".join([line.strip() for line in text.split(b"\n")]) if b"\n" in text else text

    def _broken(self, end: End, size: int, line: int, column: int) -> Element:
        cursor = self._cursor
        distance = self._next_start(size)
        if distance:
            text = cursor.text[cursor.at : cursor.at + distance].rstrip(b" \t\n,")
            cursor.move(distance)
            return Element(text, line, column, NOT_JSON)
        if end is End.TOO_LONG and cursor.text[cursor.at : cursor.at + 1] in (b"{", b"[", b'"'):
            if skip_long(cursor):
                return Element(too_long(), line, column, NOT_JSON)
            return self._rest(line, column)
        while cursor.arrived() <= LINE_LIMIT and cursor.more():
            pass
        if cursor.arrived() > LINE_LIMIT:
            return self._rest(line, column)
        text = cursor.text[cursor.at :].rstrip(b" \t\n")
        cursor.move(cursor.arrived())
        self.whole = False
        return Element(text, line, column, NOT_JSON, ends_open=end is End.CUT_OFF)

    def _rest(self, line: int, column: int) -> Element:
        """Gives up the rest of the text."""
        cursor = self._cursor
        self.whole = False
        cursor.move(cursor.arrived())
        while cursor.more():
            cursor.move(cursor.arrived())
        refusal = Refusal(
            "broken_rest",
            f"The file is broken from line {line:,}, character {column:,} on: where the next "
            "example begins could not be found.",
            "Look there for a missing bracket or quotation mark, or write one example a line.",
        )
        return Element(refusal, line, column, NOT_JSON)

    def _next_start(self, broken_at: int) -> int:
        """Bytes from the cursor to the start of the element after a broken one; 0: not found.

        Where the brackets stop to fit at a likely start, that is it.
        """
        pattern = self._likely_start()
        cursor, tries, looked = self._cursor, 0, 1
        while True:
            at = cursor.at
            for found in pattern.finditer(cursor.text, at + looked):
                distance = found.end() - at
                sure = found["sure"] or distance == broken_at
                if sure or _quick_end(cursor, b"}", distance)[0]:
                    return distance
                tries += 1
                if tries == SEARCH_TRIES:
                    return 0
                looked = distance
            if cursor.arrived() > LINE_LIMIT or not cursor.more():
                return 0

    def _likely_start(self) -> re.Pattern[bytes]:
        """Where an element may begin; surely so where an object ends before it."""
        cursor = self._cursor
        own = _FIRST_NAME.match(cursor.text, cursor.at)
        name = self._first_name or (own[1] if own else b"")
        if not name:
            return re.compile(rb"(?P<sure>(?!))?[,}]\s*+(?=[{])")
        follows = rb"(?=\{\s*+" + re.escape(name) + rb"\s*+:)"
        return re.compile(rb"(?:(?P<sure>\}\s*+,\s*+)|[,}\s])" + follows)


def _quick_end(cursor: Cursor, closing: bytes, ahead: int = 0) -> tuple[int, Any]:
    """The length and value of the object or list `ahead` of the cursor; 0 where it needs care."""
    opening = b"{" if closing == b"}" else b"["
    looked, depth = ahead, 0
    for _ in range(QUICK_TRIES):
        while (found := cursor.text.find(closing, cursor.at + looked)) < 0:
            if cursor.arrived() > LINE_LIMIT or not cursor.more():
                return 0, None
        depth += cursor.text.count(opening, cursor.at + looked, found) - 1
        looked = found + 1 - cursor.at
        if depth <= 0:
            value = _parsed(cursor.text[cursor.at + ahead : found + 1])
            fits = value is not NOT_JSON and looked - ahead <= LINE_LIMIT
            return (looked - ahead, value) if fits else (0, None)
    return 0, None


def _parsed(text: bytes) -> Any:
    try:
        return loads(text)
    except JSONDecodeError:
        return NOT_JSON
