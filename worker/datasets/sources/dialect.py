"""Recognises a table written as text: its delimiter, and whether its first row is a header."""

import csv
import re
from collections import Counter
from dataclasses import dataclass

from orjson import JSONDecodeError, loads

from worker.datasets.faults import quoted
from worker.datasets.sources.batch import LINE_LIMIT

csv.field_size_limit(LINE_LIMIT)  # the library's own limit, for the whole process, is 128 KiB
DELIMITERS = ",;\t|"
SAMPLE_ROWS = 200
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|$)")
_SAID = re.compile(r"sep=(.)(?:\r\n|\r|\n)")  # Excel's own first line
_NUMBER = re.compile(r"[-+]?[\d.,]*\d%?")
_ALONE = {
    *("text", "content", "sentence", "document", "passage", "prompt", "completion", "answer"),
    *("messages", "conversations", "conversation"),  # lists as JSON text in the cells
}


@dataclass(frozen=True)
class Dialect:
    """How a table is written."""

    delimiter: str
    header: tuple[str, ...]  # distinct names, one for each column
    has_header: bool  # False where the names were made up and the first row is a row like others
    skip: int  # lines before the table begins
    rows: int  # in the sample, the header left out
    notes: tuple[str, ...] = ()


def recognised(text: str, whole: bool) -> Dialect | None:
    """The dialect of the text a file begins with; None where it is no table.

    Args:
        text: the beginning, decoded, without a byte order mark.
        whole: it is the whole file, so that its last line is not cut.
    """
    said = _SAID.match(text)
    lines = [line for line in _LINE.findall(text[said.end() if said else 0 :]) if line]
    if not whole and len(lines) > 1:
        lines.pop()
    if not lines or any(_is_object(line) for line in lines[:SAMPLE_ROWS]):
        return None
    best, most = None, 0.5
    for delimiter in said[1] if said else DELIMITERS:
        rows = _rows(lines, delimiter)
        share = _share_as_wide(rows)
        if share > most and len(rows[0]) > 1:
            best, most = _dialect(rows, delimiter, 1 if said else 0), share
    return best or _single_column(lines)


def _is_object(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        return isinstance(loads(line), dict)
    except JSONDecodeError:
        return False


def _rows(lines: list[str], delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > SAMPLE_ROWS:
                break
    except csv.Error:
        return []
    return rows


def _share_as_wide(rows: list[list[str]]) -> float:
    """The share of rows that have as many cells as the first; a lone row is as wide as itself."""
    others = rows[1:] or rows
    fitting = sum(fitted(row, len(rows[0])) is not None for row in others)
    return fitting / max(1, len(others))


def fitted(row: list[str], width: int) -> list[str] | None:
    """The row with that many cells, empty ones beyond them left off; None where it has others."""
    if len(row) == width:
        return row
    return row[:width] if len(row) > width and not any(row[width:]) else None


def _dialect(rows: list[list[str]], delimiter: str, skip: int) -> Dialect:
    if any(_is_data(cell) for cell in rows[0]):
        names = tuple(f"column {number}" for number in range(1, len(rows[0]) + 1))
        note = (
            "The first line looks like an example, not like column names, so the columns are "
            f"called {names[0]} to {names[-1]}."
        )
        return Dialect(delimiter, names, False, skip, len(rows), (note,))
    header, notes = distinct(rows[0])
    return Dialect(delimiter, header, True, skip, len(rows) - 1, notes)


def _is_data(cell: str) -> bool:
    """Whether a cell of the first row is rather a value than a column's name."""
    cell = cell.strip()
    sentence = len(cell) > 30 and cell[-1] in ".?!"
    return len(cell) > 80 or "\n" in cell or sentence or bool(_NUMBER.fullmatch(cell))


def distinct(cells: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names made distinct, and what there is to say about it.

    An empty name becomes "column N"; the second "x" becomes "x 2", the third "x 3".
    """
    names: list[str] = []
    notes = []
    given = {cell.strip() for cell in cells}
    for number, cell in enumerate(cells, 1):
        name = cell.strip() or f"column {number}"
        copies = Counter(other.strip() for other in cells[: number - 1])[cell.strip()] + 1
        if name in names:
            while f"{name} {copies}" in given or f"{name} {copies}" in names:
                copies += 1
            notes.append(
                f"Several columns are called {quoted(name)}; column {number} is called "
                f"{quoted(f'{name} {copies}')} here."
            )
            name = f"{name} {copies}"
        names.append(name)
    return tuple(names), tuple(notes)


def _single_column(lines: list[str]) -> Dialect | None:
    """A table of one column, known by the column's name; any other text is no table."""
    rows = _rows(lines, ",")
    name = lines[0].strip().strip('"').lower()
    if name not in _ALONE or not rows:
        return None
    return Dialect(",", (rows[0][0].strip(),), True, 0, len(rows) - 1)
