"""The audit trail as a file to take away: CSV that no spreadsheet executes, or lines of JSON."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from storage import audit
from storage.audit import Entry, Wanted
from storage.database import Database

Kind = Literal["csv", "jsonl"]

COLUMNS = ("number", "time", "actor", "action", "subject", "details", "at", "previous", "hash")
"""Of the CSV; `time` is `at` as people read it, in UTC."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_BOM = b"\xef\xbb\xbf"  # without it spreadsheets take the text for an older encoding


def blocks(database: Database, wanted: Wanted, kind: Kind) -> Iterator[bytes]:
    """Give the entries that are wanted, the oldest first, piece by piece.

    A line of JSON is an entry as it is hashed: with it, `storage.audit` tells how to check it.
    """
    if kind == "csv":
        yield _BOM + _csv([COLUMNS])
    after = 0
    while found := _some(database, wanted, after):
        after = found[-1].number
        yield _csv(map(_row, found)) if kind == "csv" else b"".join(map(_line, found))


def inert(text: str) -> str:
    """Return a cell's text so that a spreadsheet takes it for text: nothing runs, nothing breaks.

    What begins like a formula gets an apostrophe in front, numbers do not; control characters
    become escapes.
    """
    shown = f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
    return audit.plain(shown)


def _some(database: Database, wanted: Wanted, after: int) -> list[Entry]:
    """Read in short transactions: a slow reader holds nothing up."""
    with database.read() as session:
        return audit.batch(session, wanted, after)


def _row(entry: Entry) -> list[str]:
    when = entry.moment
    values = {**vars(entry), "time": when.strftime("%Y-%m-%d %H:%M:%S") if when else ""}
    return [inert(str(values[name])) for name in COLUMNS]


def _line(entry: Entry) -> bytes:
    return json.dumps(vars(entry)).encode() + b"\n"


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
