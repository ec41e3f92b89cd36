"""What is in a dataset: its rows, by page or by a word in them, and what was refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from storage import rows
from storage.datasets import Dataset
from storage.status import WorkStatus
from studio.services import datasets
from studio.services.studio import Studio

SEARCHED_BYTES = 400_000_000
"""So much is searched at a time, so that an answer takes a second or two."""

SHOWN_CHARACTERS = 500
"""So much of a refused record is shown; the download has it as far as it is kept."""

_NO_TEXT = {"role", "split"}
_ESCAPED = set('"\\/')  # JSON may write these in another way


@dataclass(frozen=True)
class Page:
    """Some rows; `next` is the number of the row after the last one looked at, None at the end."""

    rows: list[dict[str, Any]]
    next: int | None


def page(studio: Studio, owner: str, dataset_id: str, start: int, count: int) -> Page:
    """Return `count` rows from row `start` on, counted from 0.

    A row comes with its `row` number, the `line` of the person's file and its `hash`.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    folder = datasets.prepared(studio, datasets.get(studio, owner, dataset_id))
    if folder is None:
        return Page([], None)
    found = _numbered(rows.page(folder, start, count), start)
    more = start + len(found)
    return Page(found, more if found and more < rows.count(folder) else None)


def search(
    studio: Studio, owner: str, dataset_id: str, words: str, span: tuple[int, int], after: int = 0
) -> Page:
    """Return rows that hold the words, upper and lower case alike, as `page` does.

    Args:
        studio: where to look.
        owner: whose.
        dataset_id: which.
        words: what to look for.
        span: of all that are found, how many to pass over and how many to return.
        after: the row to begin at. A search ends early after `SEARCHED_BYTES`, with fewer rows and
            a `next` to begin at again.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    folder = datasets.prepared(studio, datasets.get(studio, owner, dataset_id))
    if folder is None:
        return Page([], None)
    wanted = words.strip().casefold()
    skipped, count = span
    found: list[dict[str, Any]] = []
    read = 0
    for number, line in _lines(folder, after):
        if len(found) == count or read > SEARCHED_BYTES:
            return Page(found, number)
        read += len(line)
        if not _holds(line, wanted):
            continue
        if skipped:
            skipped -= 1
        else:
            found += _numbered(rows.page(folder, number, 1), number)
    return Page(found, None)


def faults(
    studio: Studio, owner: str, dataset_id: str, start: int = 0, count: int = 1000, kind: str = ""
) -> list[dict[str, Any]]:
    """Return refused records from the `start`-th on: file, line, column, kind, reason, hint, text.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    found = datasets.get(studio, owner, dataset_id)
    if found.status is WorkStatus.FAILED:
        return _of_the_file(found)[start : start + count]
    told: list[dict[str, Any]] = []
    for number, fault in enumerate(_of_kind(faults_file(studio, found), kind)):
        if number >= start + count:
            break
        if number >= start:
            told.append(_shortened(fault))
    return told


def fault_kinds(studio: Studio, owner: str, dataset_id: str) -> list[dict[str, Any]]:
    """Return each kind of fault with its `count` and its `first` fault, the most common first.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    found = datasets.get(studio, owner, dataset_id)
    counts: dict[str, int] = (found.report or {}).get("faults", {})
    if found.status is WorkStatus.FAILED or not counts:
        return [
            {"kind": fault["kind"], "count": 1, "first": fault} for fault in _of_the_file(found)
        ]
    firsts = _firsts(faults_file(studio, found), len(counts))
    by_count = sorted(counts.items(), key=lambda one: -one[1])
    return [{"kind": kind, "count": n, "first": firsts.get(kind)} for kind, n in by_count]


def faults_file(studio: Studio, found: Dataset) -> Path | None:
    """Return the file with all refused records; None where there is none."""
    folder = datasets.prepared(studio, found)
    path = folder / "faults.jsonl" if folder else None
    return path if path and path.is_file() else None


def _holds(line: bytes, wanted: str) -> bool:
    """Tell whether a row holds the words; most rows are dismissed without being parsed."""
    is_plain = wanted.isascii() and wanted.isprintable() and not _ESCAPED.intersection(wanted)
    if is_plain and b"\\u" not in line and wanted.encode() not in line.lower():
        return False
    return any(wanted in text.casefold() for text in _texts(orjson.loads(line)))


def _lines(folder: Path, start: int) -> Iterator[tuple[int, bytes]]:
    with (folder / "rows.idx").open("rb") as index:
        index.seek(start * rows.NUMBER)
        offset = index.read(rows.NUMBER)
    if not offset:
        return
    with (folder / "rows.jsonl").open("rb") as file:
        file.seek(int.from_bytes(offset, "little"))
        yield from enumerate(file, start)


def _texts(value: Any) -> Iterator[str]:
    """Give every text of a row that a person would look for."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in _NO_TEXT:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _numbered(found: list[dict[str, Any]], start: int) -> list[dict[str, Any]]:
    return [{**row, "row": number} for number, row in enumerate(found, start)]


def _of_the_file(found: Dataset) -> list[dict[str, Any]]:
    """Return the one fault of a file that is of no use as a whole."""
    if found.status is not WorkStatus.FAILED or not found.error:
        return []
    words = {"reason": found.error, "hint": found.hint or ""}
    return [{"file": found.name, "line": 1, "column": 1, "kind": "file", **words, "text": ""}]


def _of_kind(path: Path | None, kind: str) -> Iterator[dict[str, Any]]:
    if path is None:
        return
    with path.open("rb") as file:
        for line in file:
            fault = orjson.loads(line)
            if not kind or fault["kind"] == kind:
                yield fault


def _firsts(path: Path | None, kinds: int) -> dict[str, dict[str, Any]]:
    firsts: dict[str, dict[str, Any]] = {}
    for fault in _of_kind(path, ""):
        if fault["kind"] not in firsts:
            firsts[fault["kind"]] = _shortened(fault)
        if len(firsts) == kinds:
            break
    return firsts


def _shortened(fault: dict[str, Any]) -> dict[str, Any]:
    text = fault.get("text") or ""
    if len(text) > SHOWN_CHARACTERS:
        return {**fault, "text": text[:SHOWN_CHARACTERS] + "…"}
    return fault
