"""Replaces personal data in every text of a row by words in brackets."""

from pathlib import Path
from typing import Any

import orjson

from storage.errors import StudioError
from storage.operations import Redact
from worker.datasets.care import personal
from worker.datasets.operations import content
from worker.datasets.operations.stream import Lines, Report, Row, line_of, told

Kinds = frozenset[str]


def redact(operation: Redact, parents: list[Path], _scratch: Path, report: Report) -> Lines:
    """Every row; those without personal data as they are.

    What a tool is called with is redacted too, text by text; the names of roles, tools and
    fields, and the descriptions of tools, are left alone.

    Raises:
        StudioError: a kind of personal data is not known.
    """
    kinds = frozenset(operation.kinds)
    if unknown := sorted(kinds - personal.KINDS.keys()):
        raise StudioError(
            f"Personal data of the kind '{unknown[0]}' is not known.",
            f"The kinds are: {', '.join(personal.KINDS)}.",
        )
    (folder,) = parents
    for line in told(folder, report):
        row = orjson.loads(line)
        yield line_of(row) if _redacted(row, kinds) else line


def _redacted(row: Row, kinds: Kinds) -> int:
    """Change a row in place; returns how many pieces were replaced."""
    found = _field(row, "text", kinds)
    for turn in content.turns(row):
        found += _field(turn, "content", kinds)
        for call in turn.get("tool_calls") or ():
            found += _call(call.get("function", call), kinds)
    return found


def _field(holder: dict[str, Any], name: str, kinds: Kinds) -> int:
    if not isinstance(holder.get(name), str):
        return 0
    holder[name], found = personal.redact(holder[name], kinds)
    return found


def _call(function: dict[str, Any], kinds: Kinds) -> int:
    """The arguments of a tool call, an object or the JSON text of one."""
    given = function.get("arguments")
    if not isinstance(given, str):
        function["arguments"], found = _value(given, kinds)
        return found
    try:
        value, found = _value(orjson.loads(given), kinds)
    except orjson.JSONDecodeError:
        return _field(function, "arguments", kinds)
    if found:
        function["arguments"] = orjson.dumps(value).decode()
    return found


def _value(value: Any, kinds: Kinds) -> tuple[Any, int]:
    """A JSON value with its texts, and numbers that are personal data, replaced."""
    if isinstance(value, dict):
        pairs = {name: _value(inner, kinds) for name, inner in value.items()}
        return {name: inner for name, (inner, _) in pairs.items()}, _sum(pairs.values())
    if isinstance(value, list):
        items = [_value(inner, kinds) for inner in value]
        return [inner for inner, _ in items], _sum(items)
    if value is None or isinstance(value, bool):
        return value, 0
    text, found = personal.redact(str(value), kinds)
    return (text, found) if found else (value, 0)


def _sum(parts: Any) -> int:
    return sum(found for _, found in parts)
