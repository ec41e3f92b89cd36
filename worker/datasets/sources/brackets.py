"""Finds where a JSON value ends by its brackets and strings, whether it is good JSON or not."""

import re
from enum import Enum

from worker.datasets.sources.batch import LINE_LIMIT
from worker.datasets.sources.cursor import Cursor

# Possessive repeats: a string of megabytes would otherwise fill the memory with ways back.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]|"', re.DOTALL)
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SCALAR = re.compile(rb"""\}+|[^\s,\[\]{}"]*""")
DEEPEST = 2_000  # brackets within brackets; no example has more than a few
_AFTER_STRING = b" \t\n,:]}"
_PARTNER = {ord("}"): ord("{"), ord("]"): ord("[")}


class End(Enum):
    """How the search for the end of a value went."""

    FOUND = "found"
    BROKEN = "the brackets or strings do not fit together"
    CUT_OFF = "the text ends within the value"
    TOO_LONG = "longer than a record may be"


def value_end(cursor: Cursor) -> tuple[End, int]:
    """Where the value at the cursor ends, in bytes from the cursor, with all of them arrived.

    The number counts only with `End.FOUND`; with `BROKEN` it is where that showed.
    """
    first = cursor.text[cursor.at : cursor.at + 1]
    search = _Brackets() if first in (b"{", b"[", b'"') else _Scalar()
    while True:
        end = search.look(cursor)
        if end:
            return end
        if cursor.arrived() > LINE_LIMIT:
            return End.TOO_LONG, cursor.arrived()
        if not cursor.more():
            return search.at_the_end(cursor)


def skip_long(cursor: Cursor) -> bool:
    """Moves behind the value at the cursor without keeping it; False where it does not end."""
    if cursor.text[cursor.at : cursor.at + 1] == b'"':
        return _skip_string(cursor)
    search = _Brackets(strict=False)
    while True:
        end = search.look(cursor)
        if end:
            cursor.move(end[1])
            return end[0] is End.FOUND
        if search.reached:
            cursor.move(search.reached)
            search.reached = 0
        elif cursor.text[cursor.at : cursor.at + 1] == b'"':
            if not _skip_string(cursor):
                return False
            continue
        if not cursor.more():
            return False


def _skip_string(cursor: Cursor) -> bool:
    """Moves behind the string that begins at the cursor; False where it does not end."""
    cursor.move(1)
    while True:
        found = _STRING_REST.match(cursor.text, cursor.at)
        cursor.move(found.end() - cursor.at if found else 0)
        if cursor.arrived() and cursor.text[cursor.at : cursor.at + 1] == b'"':
            cursor.move(1)
            return True
        if not cursor.more():
            return False


class _Scalar:
    """A number, a word or rubbish: it ends at white space, a comma or a closing bracket."""

    def look(self, cursor: Cursor) -> tuple[End, int] | None:
        found = _SCALAR.match(cursor.text, cursor.at)
        if not found or found.end() == len(cursor.text):
            return None
        return End.FOUND, max(1, found.end() - cursor.at)

    def at_the_end(self, cursor: Cursor) -> tuple[End, int]:
        return End.FOUND, cursor.arrived()


class _Brackets:
    """An object, a list or a string; remembers how far it has looked."""

    def __init__(self, strict: bool = True) -> None:
        self.reached = 0  # bytes from the cursor that are dealt with
        self._open = bytearray()
        self._strict = strict  # whether to look at what stands before an opening bracket

    def look(self, cursor: Cursor) -> tuple[End, int] | None:
        """Looks through what has arrived; None where that does not hold the end."""
        text, at = cursor.text, cursor.at
        for token in _TOKEN.finditer(text, at + self.reached):
            start, end = token.span()
            goes_on = text[start] == 34 and end == start + 1
            if goes_on or (text[start] == 34 and end == len(text) and self._open):
                self.reached = start - at
                return None  # the string goes on, or what follows it must be seen
            if not self._fits(text, start, end, at):
                return End.BROKEN, start - at
            if not self._open:
                return End.FOUND, end - at
            self.reached = end - at
        self.reached = len(text) - at
        return None

    def at_the_end(self, cursor: Cursor) -> tuple[End, int]:
        return End.CUT_OFF, cursor.arrived()

    def _fits(self, text: bytes, start: int, end: int, first: int) -> bool:
        """Takes account of a token; False where it cannot stand there in any JSON."""
        byte = text[start]
        if byte == 34:
            return not self._open or text[end] in _AFTER_STRING
        if byte in _PARTNER:
            return bool(self._open) and self._open.pop() == _PARTNER[byte]
        in_object = self._strict and self._open[-1:] == b"{"
        if in_object and _before(text, start, first) != ord(":"):
            return False
        self._open.append(byte)
        return len(self._open) <= DEEPEST


def _before(text: bytes, start: int, first: int) -> int:
    """The last byte before `start` that is not white space, not looking beyond `first`."""
    while start > first:
        start -= 1
        if text[start] not in b" \t\n":
            break
    return text[start]
