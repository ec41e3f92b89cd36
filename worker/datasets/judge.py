"""Judges one line: strict JSON, a known shape, clean text; the path that millions of rows take.

Two faults are invisible in what the parser returns or expensive to look for in every row, and are
ruled out by counting instead:

- a name given twice (the parser keeps the last): a parsed row accounts for a number of strings,
  each with two quotation marks. When the line holds exactly as many, nothing was dropped.
- control characters: every backslash of the row as written out is explained by a line break or a
  quotation mark, or the few escapes that can hide one are searched for.

Only a line that fails the count is scanned token by token.
"""

import re
from typing import Any

from orjson import dumps, loads

from worker.datasets.shapes import KNOWN_FIELDS, normalise
from worker.datasets.syntax import DEPTH_LIMIT, check_structure, control_character, too_deep

# shape, content as written to rows.jsonl, characters, characters of answers, ignored fields
Judged = tuple[str, bytes, int, int, frozenset[str]]

_NOTHING: frozenset[str] = frozenset()
# A form feed comes with text out of PDF files and harms nobody.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f]")


def judge(line: bytes) -> Judged:
    """The row of a line without its line end.

    Raises:
        orjson.JSONDecodeError: the line is not strict JSON; `syntax.explain` finds the words.
        Refusal: the line is JSON that cannot be learned from.
    """
    row = loads(line)
    shape, (content, characters, answers) = normalise(row)
    if content is row and shape == "messages":
        strings = 1 + 4 * len(row["messages"])
        ignored = _NOTHING
    else:
        strings = _strings(row, 1)
        ignored = row.keys() - KNOWN_FIELDS[shape] if len(row) > 1 else _NOTHING
    if line.count(b'"') != 2 * strings and not _names_kept(line, row):
        check_structure(line.decode())
    body = dumps(content)
    escapes = body.count(b"\\")
    if escapes and not _escapes_harmless(body, content, escapes):
        _refuse_control(content)
    return shape, body, characters, answers, frozenset(ignored)


def _strings(value: Any, depth: int) -> int:
    """How many strings, names included, a parsed value holds; refuses what is nested too deep."""
    if type(value) is str:
        return 1
    if type(value) is not dict and type(value) is not list:
        return 0
    if depth > DEPTH_LIMIT:
        raise too_deep()
    strings, parts = (len(value), value.values()) if type(value) is dict else (0, value)
    for part in parts:
        strings += 1 if type(part) is str else _strings(part, depth + 1)
    return strings


def _names_kept(line: bytes, row: Any) -> bool:
    """Whether the quotation marks of the line are those of the row written out again.

    Holds only where no mark is written as an escape of its number, which could make up for a
    dropped one.
    """
    return line.count(b'"') == dumps(row).count(b'"') and b"\\u0022" not in line


def _escapes_harmless(body: bytes, content: dict[str, Any], escapes: int) -> bool:
    """Whether line breaks and quotation marks explain every backslash, or none hides a control."""
    texts = _texts(content)
    marks = sum(text.count("\n") + text.count('"') for text in texts)
    return marks == escapes or (b"\\u00" not in body and b"\\b" not in body)


def _texts(content: dict[str, Any]) -> list[str]:
    if "text" in content:
        return [content["text"]]
    return [turn["content"] for turn in content["messages"]]


def _refuse_control(content: dict[str, Any]) -> None:
    for text in _texts(content):
        if found := _CONTROL.search(text):
            raise control_character(found[0])
