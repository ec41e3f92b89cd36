r"""Judges one line with all care: strict JSON, a known format, clean text; words for every fault.

Two faults are invisible in what the parser returns:

- A name given twice (the parser keeps the last). A parsed row accounts for a number of strings,
  each with two quotation marks around it; the line holds exactly as many that are no escape, or
  something was dropped.
- Control characters: they can only stand in a line as an escape.

Only a line that these tests suspect is scanned token by token.
"""

import re
from typing import Any, NamedTuple

from orjson import OPT_SORT_KEYS, JSONDecodeError, dumps, loads

from storage.mappings import Mapping, Target
from worker.datasets.content import Counts, counted
from worker.datasets.faults import Notes, Refusal
from worker.datasets.fields import Record
from worker.datasets.reading import object_of
from worker.datasets.repairs import repaired
from worker.datasets.shapes import fields_of, is_complete, read, shape_of, unrecognised
from worker.datasets.syntax import (
    DEPTH_LIMIT,
    check_structure,
    control_character,
    explain,
    too_deep,
)

_ESCAPED_MARK = re.compile(rb'\\(?:(")|.)', re.DOTALL)
_SUSPICIOUS_ESCAPE = re.compile(rb"\\(?:u00[01]|b)")
# A form feed comes with text out of PDF files and harms nobody. NUL separates texts.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f]")


class Judged(NamedTuple):
    """A row that can be learned from."""

    shape: str
    line: bytes
    counts: Counts
    columns: tuple[str, ...]
    ignored: frozenset[str]
    repairs: list[tuple[str, str]]
    target: Target
    split: str | None


class Reader:
    """How the rows of one file are read.

    Args:
        mapping: says it for every row; None reads each row in the format its fields name.
        shape: the name of the format of the mapping, or of most rows.
        usual: beside the formats that are known by name: how most rows of this file are read.
    """

    def __init__(
        self, shape: str, mapping: Mapping | None = None, usual: Mapping | None = None
    ) -> None:
        self.shape = shape
        self.mapping = mapping
        self.usual = usual

    def judge(self, line: bytes, ends_open: bool = False) -> Judged:
        """The row of a line without its line end; `ends_open` where a cut-off file ends with it.

        Raises:
            Refusal: nothing can be learned from it.
        """
        try:
            value = loads(line)
        except JSONDecodeError:
            judged = self._repaired(line)
            if judged is None:
                explain(line, ends_open)
            return judged
        return self._judged(line, value)

    def _repaired(self, line: bytes) -> Judged | None:
        """The row of a line that is no strict JSON; None where it cannot be put right."""
        found = repaired(line)
        if found is None:
            return None
        strict, repairs = found
        try:
            judged = self._judged(strict, loads(strict))
        except Refusal:
            if all(kind == "byte_order_mark" for kind, _ in repairs):
                raise
            return None
        return judged._replace(repairs=repairs + judged.repairs)

    def _judged(self, line: bytes, value: Any) -> Judged:
        notes = Notes()
        row = object_of(value)
        shape, mapping = self._format(row)
        clean = read(row, mapping, notes)
        _check_line(line, value, clean)
        kept = line.strip() if value == clean and _same(value, clean) else dumps(clean)
        ignored = notes.ignored | (row.keys() - fields_of(mapping))
        if "split" in clean:
            ignored.discard("split")
        return Judged(
            shape,
            kept,
            counted(clean),
            tuple(row),
            frozenset(ignored),
            notes.repairs,
            mapping.target,
            clean.get("split"),
        )

    def _format(self, row: Record) -> tuple[str, Mapping]:
        if self.mapping:
            return self.shape, self.mapping
        if self.usual and is_complete(row, self.usual):
            return self.shape, self.usual
        found = shape_of(row)
        known = found is not None and is_complete(row, found[1])
        if self.usual and not known and fields_of(self.usual) & row.keys():
            return self.shape, self.usual  # which says what is missing
        if found is None:
            raise unrecognised(row)
        return found


def _same(value: Any, clean: Record) -> bool:
    """Equal in its types as well: 1 is not true."""
    return dumps(value, option=OPT_SORT_KEYS) == dumps(clean, option=OPT_SORT_KEYS)


def _check_line(line: bytes, value: Any, clean: Record) -> None:
    strings = strings_in(value, 1)
    marks = line.count(b'"')
    if b"\\" in line:
        marks -= sum(1 for found in _ESCAPED_MARK.finditer(line) if found[1])
        suspicious = _SUSPICIOUS_ESCAPE.search(line) is not None
    else:
        suspicious = False
    if marks != 2 * strings or suspicious:
        check_structure(line.decode())
        _check_characters(clean)


def strings_in(value: Any, depth: int) -> int:
    """How many strings, names included, a parsed value holds; refuses what is nested too deep."""
    if type(value) is str:
        return 1
    if type(value) is not dict and type(value) is not list:
        return 0
    if depth > DEPTH_LIMIT:
        raise too_deep()
    strings, parts = (len(value), value.values()) if type(value) is dict else (0, value)
    for part in parts:
        strings += 1 if type(part) is str else strings_in(part, depth + 1)
    return strings


def _check_characters(value: Any) -> None:
    """Refuses control characters, NUL among them, in any text of the normalised row."""
    if isinstance(value, str):
        if found := _CONTROL.search(value):
            raise control_character(found[0])
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            _check_characters(part)
