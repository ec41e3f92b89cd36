"""Reads the rows of an inspected dataset back: a page, all of them, or some.

A dataset folder holds `rows.jsonl`, one normalised row a line, and two arrays of unsigned
little-endian 64-bit numbers: `rows.idx`, the byte offset of each row, and `lines.idx`, the line it
came from in the person's file. A row is read with that `line` and with its `hash`, 16 hexadecimal
digits over its content alone.
"""

import hashlib
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from storage.errors import StudioError

Row = dict[str, Any]
NUMBER = 8  # bytes of one entry in rows.idx and lines.idx
EXAM = "test"
"""Value of a row's `split` that keeps it for the exam."""

SPLIT_SEED = 20_260_101
"""Fixed for ever: the rows kept for the exam must not move when a run has another seed."""

_PLACES = 2**64
_FEW = 30  # that many are expected on each side: chance leaves none of them out

_SEPARATOR = "\0"
_AT_ONCE = 8192
_PLAIN_TURN = {"role", "content"}


def canonical(row: Row) -> str:
    """The text a row is recognised by; two rows share it exactly if their content is equal.

    NUL separates, as no accepted text holds one. Never change what it gives for a conversation of
    roles and contents or for a text: evaluation splits hang on it. `split` is no content.
    """
    if "text" in row:
        return f"text{_SEPARATOR}{row['text']}"
    turns = row.get("messages")
    if turns is None:
        pair = {name: value for name, value in row.items() if name not in _NOT_CONTENT}
        return f"pair{_SEPARATOR}{_sorted(pair)}"
    plain = _SEPARATOR.join([turn["role"] for turn in turns] + [turn["content"] for turn in turns])
    more = [{name: turn[name] for name in turn.keys() - _PLAIN_TURN} for turn in turns]
    if "tools" not in row and not any(more):
        return plain
    return f"{plain}{_SEPARATOR}{_sorted([row.get('tools'), more])}"


def row_hash(row: Row) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a row's canonical text."""
    return hashlib.sha256(canonical(row).encode()).hexdigest()[:16]


def count(folder: Path) -> int:
    """How many rows the dataset has."""
    try:
        return (folder / "rows.idx").stat().st_size // NUMBER
    except FileNotFoundError:
        raise _missing(folder) from None


def page(folder: Path, start: int, count: int) -> list[Row]:
    """At most `count` rows from row `start` on (counted from 0); fewer, or none, at the end."""
    if start < 0 or count <= 0:
        return []
    offsets = _numbers(folder, "rows.idx", start, 1)
    if not offsets:
        return []
    lines = _numbers(folder, "lines.idx", start, count)
    with (folder / "rows.jsonl").open("rb") as rows:
        rows.seek(offsets[0])
        return [_read(*pair) for pair in zip(islice(rows, count), lines, strict=True)]


def iterate(folder: Path) -> Iterator[Row]:
    """Every row in the order of the person's file, one in memory at a time."""
    try:
        rows = (folder / "rows.jsonl").open("rb")
    except FileNotFoundError:
        raise _missing(folder) from None
    start = 0
    with rows:
        while group := list(islice(rows, _AT_ONCE)):
            lines = _numbers(folder, "lines.idx", start, len(group))
            yield from map(_read, group, lines)
            start += len(group)


def pick(folder: Path, numbers: Iterable[int]) -> Iterator[Row]:
    """The rows with these numbers (counted from 0), in the order of the numbers."""
    total = count(folder)
    offsets = _numbers(folder, "rows.idx", 0, total)
    lines = _numbers(folder, "lines.idx", 0, total)
    with (folder / "rows.jsonl").open("rb") as rows:
        for number in numbers:
            rows.seek(offsets[number])
            yield _read(rows.readline(), lines[number])


def in_evaluation_split(row_hash: str, share: float, seed: int) -> bool:
    """Whether a row is held out; depends on nothing but its content, the share and the seed.

    The row keeps its side when other rows come, go or move, and copies of a row are never on both
    sides. A larger share only adds rows to the evaluation side.

    Args:
        row_hash: the row's `hash`.
        share: part of the rows to hold out, 0 to 1.
        seed: another seed holds out other rows.
    """
    return _place(row_hash, seed) < share * _PLACES


def exam_of(
    folder: Path, share: float, *, marked: bool, seed: int = SPLIT_SEED
) -> Callable[[Row], bool]:
    """Return what tells whether a row is kept for the exam: its own mark, else the share.

    Of a few rows chance may choose none, or all. Then the one nearest to being chosen is, and the
    one nearest to being left is left.

    Args:
        folder: of the rows.
        share: see `in_evaluation_split`; it and `seed` say nothing where the data is marked.
        marked: whether any row of the dataset carries the mark `EXAM`.
        seed: see `in_evaluation_split`.
    """
    if marked:
        return lambda row: bool(row.get("split") == EXAM)
    limit = share * _PLACES
    if share > 0 and count(folder) * min(share, 1 - share) < _FEW:
        places = sorted({_place(row["hash"], seed) for row in iterate(folder)})
        if len(places) > 1:
            limit = min(max(limit, places[0] + 1), places[-1])
    return lambda row: _place(row["hash"], seed) < limit


def _place(row_hash: str, seed: int) -> int:
    """Return where chance puts a row, from 0 up to _PLACES."""
    digest = hashlib.sha256(f"{seed}:{row_hash}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _read(text: bytes, line: int) -> Row:
    row: Row = orjson.loads(text)
    return row | {"line": line, "hash": row_hash(row)}


_NOT_CONTENT = {"split", "line", "hash"}


def _sorted(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _numbers(folder: Path, name: str, start: int, count: int) -> "array[int]":
    try:
        with (folder / name).open("rb") as index:
            index.seek(start * NUMBER)
            stored = index.read(count * NUMBER)
    except FileNotFoundError:
        raise _missing(folder) from None
    numbers = array("Q", stored)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _missing(folder: Path) -> StudioError:
    return StudioError(
        f"The rows of the dataset {folder.name} are not there.",
        "It may have been deleted, or is still being read.",
    )
