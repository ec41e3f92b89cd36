"""The rows of a prepared folder as lines of JSON, one in memory at a time."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from storage.errors import StudioError
from storage.rows import count

Report = Callable[[float, str], None]
Lines = Iterator[bytes]
Row = dict[str, Any]

EVERY = 0.25  # seconds between two words to the person who waits

NAMES = {
    "chat": "conversations",
    "text": "plain texts",
    "preference": "preference pairs",
    "labelled": "labelled answers",
}
"""What the rows of each target are called."""


def lines(folder: Path) -> Lines:
    """Every row as it stands in the folder, line end included."""
    with (folder / "rows.jsonl").open("rb") as rows:
        yield from rows


def told(folder: Path, report: Report, begin: float = 0.0, end: float = 1.0) -> Lines:
    """As `lines`; tells how far it is, as the part from `begin` to `end` of the whole work."""
    total, told_at = count(folder), 0.0
    for number, line in enumerate(lines(folder)):
        if not number % 64 and time.monotonic() - told_at >= EVERY:
            told_at = time.monotonic()
            report(begin + (end - begin) * number / total, f"{number:,} of {total:,} rows")
        yield line


def part(report: Report, begin: float, end: float) -> Report:
    """A report whose whole is the part from `begin` to `end` of `report`."""
    return lambda share, words: report(begin + (end - begin) * share, words)


def line_of(row: Row) -> bytes:
    """A row as a line."""
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def marked(line: bytes, side: str) -> bytes:
    """The line with its `split` set; the rest of it stays as it is written."""
    row = orjson.loads(line)
    if row.get("split") == side:
        return line
    if "split" in row:
        return line_of(row | {"split": side})
    return line.rstrip()[:-1] + b',"split":"%s"}\n' % side.encode()


def target_of(folder: Path) -> str:
    """What the rows are: chat, text, preference or labelled."""
    return str(json.loads((folder / "report.json").read_bytes())["target"])


def require_alike(folders: list[Path]) -> None:
    """Raise a `StudioError` where the rows are not all of one target."""
    targets = [target_of(folder) for folder in folders]
    other = next((target for target in targets if target != targets[0]), None)
    if other is not None:
        raise StudioError(
            f"{NAMES[targets[0]].capitalize()} and {NAMES[other]} cannot be in one dataset.",
            "Choose datasets of the same kind, or turn the one into the kind of the other first.",
        )


def require_number(number: int, folder: Path) -> None:
    """Raise a `StudioError` where the dataset has no row of that number (from 0)."""
    total = count(folder)
    if not 0 <= number < total:
        raise StudioError(
            f"There is no row {number + 1:,}; the dataset has {total:,}.",
            "The list may be of another version: load it again.",
        )
