r"""Judges one line: strict JSON, a known shape, clean text; the path that millions of rows take.

Two faults are invisible in what the parser returns, or expensive to look for in every row:

- A name given twice (the parser keeps the last). A parsed row accounts for a number of strings,
  each with two quotation marks around it, and for the marks inside its texts. When the line holds
  exactly as many, and none is written as the escape \u0022, nothing was dropped.
- Control characters: they can only stand in a line as an escape, which one pattern finds.

Only a line that these tests suspect is scanned token by token.
"""

import re
from typing import Any

from orjson import dumps, loads

from worker.datasets.shapes import KNOWN_FIELDS, normalise
from worker.datasets.syntax import DEPTH_LIMIT, check_structure, control_character, too_deep

# shape; the row to write, its closing brace left off; canonical bytes of the content; characters;
# characters of answers; ignored fields
Judged = tuple[str, bytes, bytes, int, int, frozenset[str]]

_NOTHING: frozenset[str] = frozenset()
_SUSPICIOUS_ESCAPE = re.compile(rb"\\(?:u00[012]|b)")
# A form feed comes with text out of PDF files and harms nobody. NUL separates texts, see below.
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f]")


def judge(line: bytes) -> Judged:
    """The row of a line without its line end.

    Raises:
        orjson.JSONDecodeError: the line is not strict JSON; `syntax.explain` finds the words.
        Refusal: the line is JSON that cannot be learned from.
    """
    row = loads(line)
    shape, (content, text, characters, answers) = normalise(row)
    canonical = text.encode()
    if content is None:
        strings = 2 if shape == "text" else 1 + 4 * len(row["messages"])
        ignored = _NOTHING
    else:
        strings = _strings(row, 1)
        ignored = row.keys() - KNOWN_FIELDS[shape]
    marks = line.count(b'"') - 2 * strings
    suspicious = b"\\" in line and _SUSPICIOUS_ESCAPE.search(line)
    if (marks and marks != canonical.count(b'"')) or suspicious:
        check_structure(line.decode())
        _check_characters(row if content is None else content)
    if content is not None:
        line = dumps(content)
    elif not line.endswith(b"}"):
        line = line.rstrip()
    return shape, line[:-1], canonical, characters, answers, frozenset(ignored)


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


def _check_characters(content: dict[str, Any]) -> None:
    """Refuses control characters, NUL among them, in any text of the normalised row."""
    turns = content.get("messages")
    for text in [turn["content"] for turn in turns] if turns else [content["text"]]:
        if found := _CONTROL.search(text):
            raise control_character(found[0])
