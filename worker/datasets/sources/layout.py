"""Tells from its beginning how a JSON text is laid out: a list, an object, or one value a line."""

import json
from enum import Enum

from orjson import JSONDecodeError, loads

from worker.datasets.sources.batch import LINE_LIMIT
from worker.datasets.sources.brackets import End, value_end
from worker.datasets.sources.content import BLOCK, Content
from worker.datasets.sources.cursor import Cursor

SAMPLE = 1 << 18  # bytes looked at from the front, more only where the first line is longer


class Layout(Enum):
    """How the examples lie in the text."""

    LINES = "one a line"
    LIST = "the elements of one list"
    OBJECT = "one object, which may hold lists or columns, or is the only example"
    PERHAPS_OBJECT = "an object that holds lists or columns, or else lines"
    FOLLOWING = "objects over several lines each, one after the other"


def layout(content: Content) -> Layout:
    """The layout of a unified text that begins with a bracket or a brace.

    One odd line does not make lines anything else: what follows must fit as well.
    """
    head, whole = _beginning(content)
    first, ended, rest = head.partition(b"\n")
    if _is_json(first):
        if rest.strip() or (ended and not whole):
            return Layout.LINES
        return Layout.LIST if head.startswith(b"[") else Layout.PERHAPS_OBJECT
    if head.startswith(b"["):
        return Layout.LIST if _starts_list(head, whole) else Layout.LINES
    return _object_layout(head, whole)


def _beginning(content: Content) -> tuple[bytes, bool]:
    """The text's beginning with the whole first line, if it is not too long, and if it is all."""
    for size in (SAMPLE, LINE_LIMIT + BLOCK):
        head = content.head(size)
        whole = len(head) < size
        head = head.lstrip(b" \t\n")
        if whole or b"\n" in head:
            break
    return head, whole


def _starts_list(head: bytes, whole: bool) -> bool:
    """Whether [ opens a list of examples: after the first one a comma or the end must follow."""
    cursor = Cursor(iter([(head, len(head))]))
    cursor.next()
    cursor.move(1)
    if cursor.next() not in (b"{", b"[", b'"'):
        return False
    end, size = value_end(cursor)
    if end is not End.FOUND:
        return not _has_good_line(head)
    cursor.move(size)
    following = cursor.next()
    return following in (b",", b"]") or (not following and not whole)


def _object_layout(head: bytes, whole: bool) -> Layout:
    cursor = Cursor(iter([(head, len(head))]))
    cursor.next()
    end, size = value_end(cursor)
    if end is not End.FOUND:
        if _has_good_line(head):
            return Layout.LINES
        likely = end is not End.BROKEN and not whole
        return Layout.OBJECT if likely else Layout.PERHAPS_OBJECT
    spreads = b"\n" in head[:size]
    cursor.move(size)
    while cursor.next() == b",":
        cursor.move(1)
    if not cursor.next():
        return Layout.OBJECT if spreads else Layout.PERHAPS_OBJECT
    return Layout.FOLLOWING if spreads and _spreads(cursor, whole) else Layout.LINES


def _spreads(cursor: Cursor, whole: bool) -> bool:
    """Whether the value at the cursor takes several lines."""
    rest = cursor.text[cursor.at :]
    end, size = value_end(cursor)
    if end is End.FOUND:
        return b"\n" in rest[:size]
    return not whole and rest.startswith(b"{") and not _is_json(rest.partition(b"\n")[0])


def _has_good_line(head: bytes) -> bool:
    """Whether any line behind the first is an object of its own."""
    lines = head.split(b"\n", 200)[1:200]
    return any(line.startswith(b"{") and _is_json(line) for line in lines)


def _is_json(line: bytes) -> bool:
    if len(line) > LINE_LIMIT:
        return False  # no record of its own, whatever it is
    try:
        loads(line)
    except JSONDecodeError:
        try:
            json.loads(line.decode(errors="replace"), parse_int=str)
        except (ValueError, RecursionError):
            return False
    return True
