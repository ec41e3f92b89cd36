"""The rows of a dataset as a table to take away, and rows that a person has written as a dataset.

CSV is text-safe: a cell that a spreadsheet would take for a formula (it begins with = + - @, a tab
or a carriage return) gets an apostrophe in front. The apostrophe stays when the file is read again,
as nothing tells it from one that a person wrote; rows without such cells come back as they were.
"""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from storage.errors import Fault, Refused, StudioError
from worker.datasets.operations.columns import Cell, columns
from worker.datasets.operations.stream import Lines, Row, line_of, lines

_AT_ONCE = 1000  # rows written at a time
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BOM = b"\xef\xbb\xbf"  # without it spreadsheets take the text for an older encoding


def table(folder: Path, kind: str) -> Lines:
    """The rows as a file, piece by piece.

    Args:
        folder: a prepared folder.
        kind: "csv" or "parquet".

    Raises:
        StudioError: there is no such kind.
    """
    if kind == "csv":
        return _csv(folder)
    if kind == "parquet":
        from worker.datasets.operations.parquet import parquet  # noqa: PLC0415  (loads pyarrow)

        return parquet(folder)
    raise StudioError(f"A table of the kind '{kind}' cannot be made.", "Choose csv or parquet.")


def written(rows: list[dict[str, Any]]) -> bytes:
    """Questions and answers as lines of JSON in the form that is kept.

    Args:
        rows: each with "question", "answer" and perhaps "system"; blank ones are left out.

    Raises:
        Refused: every row that lacks its question or its answer, or holds half a character.
        StudioError: all rows are blank.
    """
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(map(_text, row.values()))]
    if faults := [fault for number, row in filled for fault in _faults(number, row)]:
        raise Refused(faults)
    if not filled:
        raise StudioError("Nothing is written yet.", "Write at least one question and its answer.")
    return b"".join(line_of(_conversation(row)) for _, row in filled)


def _csv(folder: Path) -> Lines:
    chosen = columns(folder)
    yield _BOM + _rows([list(chosen)])
    for some in _batches(lines(folder)):
        yield _rows([_cells(orjson.loads(line), chosen) for line in some])


def _batches(rows: Lines) -> Iterator[list[bytes]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some


def _cells(row: Row, chosen: dict[str, Cell]) -> list[str]:
    return [_guarded(cell(row)) for cell in chosen.values()]


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _rows(cells: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(cells)
    return text.getvalue().encode()


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _faults(number: int, row: Row) -> list[Fault]:
    found = [
        Fault(f"rows.{number}.{field}", f"Row {number} has no {field}.")
        for field in ("question", "answer")
        if not _text(row.get(field))
    ]
    for field in ("question", "answer", "system"):
        if _is_torn(row.get(field)):
            found.append(Fault(f"rows.{number}.{field}", f"Row {number} holds half a character."))
    return found


def _is_torn(value: Any) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in value or "")


def _conversation(row: Row) -> Row:
    system = row.get("system")
    turns = [{"role": "system", "content": system}] if _text(system) else []
    asked = {"role": "user", "content": row["question"]}
    return {"messages": [*turns, asked, {"role": "assistant", "content": row["answer"]}]}
