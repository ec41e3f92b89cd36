"""Reads the rows of an inspected dataset back: a page, all of them, or one side of a split.

A dataset folder holds `rows.jsonl`, one JSON object a line, and `rows.idx`, the byte offset of each
row as an unsigned little-endian 64-bit number. A row has `messages` or `text`, the `line` it came
from in the person's file, and `hash`, 16 hexadecimal digits over its content alone.
"""

import hashlib
import sys
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from storage.errors import StudioError

Row = dict[str, Any]
OFFSET = 8  # bytes of one entry in rows.idx


def count(folder: Path) -> int:
    """How many rows the dataset has."""
    try:
        return (folder / "rows.idx").stat().st_size // OFFSET
    except FileNotFoundError:
        raise _missing(folder) from None


def page(folder: Path, start: int, count: int) -> list[Row]:
    """At most `count` rows from row `start` on (counted from 0); fewer, or none, at the end."""
    if start < 0 or count <= 0:
        return []
    offsets = _offsets(folder, start, 1)
    if not offsets:
        return []
    with (folder / "rows.jsonl").open("rb") as rows:
        rows.seek(offsets[0])
        return [orjson.loads(line) for line in islice(rows, count)]


def iterate(folder: Path) -> Iterator[Row]:
    """Every row in the order of the person's file, one in memory at a time."""
    try:
        rows = (folder / "rows.jsonl").open("rb")
    except FileNotFoundError:
        raise _missing(folder) from None
    with rows:
        for line in rows:
            yield orjson.loads(line)


def pick(folder: Path, numbers: Iterable[int]) -> Iterator[Row]:
    """The rows with these numbers (counted from 0), in the order of the numbers."""
    offsets = _offsets(folder, 0, count(folder))
    with (folder / "rows.jsonl").open("rb") as rows:
        for number in numbers:
            rows.seek(offsets[number])
            yield orjson.loads(rows.readline())


def in_evaluation_split(row_hash: str, share: float, seed: int) -> bool:
    """Whether a row is held out; depends on nothing but its content, the share and the seed.

    The row keeps its side when other rows come, go or move, and copies of a row are never on both
    sides. A larger share only adds rows to the evaluation side.

    Args:
        row_hash: the row's `hash`.
        share: part of the rows to hold out, 0 to 1.
        seed: another seed holds out other rows.
    """
    digest = hashlib.sha256(f"{seed}:{row_hash}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def split(folder: Path, share: float, seed: int) -> tuple["array[int]", "array[int]"]:
    """The numbers of the rows to train on and of those to evaluate on, for `pick`.

    Either side may be empty where there are few rows; the caller decides what that means.
    """
    sides = array("Q"), array("Q")
    for number, row in enumerate(iterate(folder)):
        sides[in_evaluation_split(row["hash"], share, seed)].append(number)
    return sides


def _offsets(folder: Path, start: int, count: int) -> "array[int]":
    try:
        with (folder / "rows.idx").open("rb") as index:
            index.seek(start * OFFSET)
            stored = index.read(count * OFFSET)
    except FileNotFoundError:
        raise _missing(folder) from None
    offsets = array("Q", stored)
    if sys.byteorder == "big":
        offsets.byteswap()
    return offsets


def _missing(folder: Path) -> StudioError:
    return StudioError(
        f"The rows of the dataset {folder.name} are not there.",
        "It may have been deleted, or is still being read.",
    )
