"""Which columns a table of a dataset's rows has, and what stands in each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from worker.datasets.operations.content import Turn
from worker.datasets.operations.stream import Row, lines

Cell = Callable[[Row], str]

_EXCHANGES = (["user", "assistant"], ["system", "user", "assistant"])
_PLAIN = {"role", "content"}


def columns(folder: Path) -> dict[str, Cell]:
    """The columns for these rows, by name, each with what gives the text of a cell.

    Where every row is one exchange (or one question of a pair), its texts get columns of their own,
    named so that the file is recognised when it is read again. Otherwise a list of turns is one
    cell of JSON. "system", "tools" and "split" are there where any row has them.
    """
    names: set[str] = set()
    single, systems = True, False
    for line in lines(folder):
        row = orjson.loads(line)
        names |= row.keys()
        single = single and _is_single(row)
        systems = systems or _system(row) != ""
    found = _texts(names) if single else _lists(names)
    if single and systems:
        found["system"] = _system
    if "tools" in names:
        found["tools"] = lambda row: _json(row["tools"]) if "tools" in row else ""
    if "label" in names:
        found["label"] = lambda row: "true" if row["label"] else "false"
    if "split" in names:
        found["split"] = lambda row: row.get("split", "")
    return found


def _texts(names: set[str]) -> dict[str, Cell]:
    """Columns of texts."""
    if "text" in names:
        return {"text": lambda row: row["text"]}
    if "messages" in names:
        return {
            "question": lambda row: row["messages"][-2]["content"],
            "answer": lambda row: row["messages"][-1]["content"],
        }
    answers = [name for name in ("chosen", "rejected", "completion") if name in names]
    asked: dict[str, Cell] = {"prompt": lambda row: row["prompt"][-1]["content"]}
    return asked | {name: _answer(name) for name in answers}


def _lists(names: set[str]) -> dict[str, Cell]:
    """Columns of turns, as JSON."""
    sides = ("messages", "prompt", "chosen", "rejected", "completion")
    return {name: _turns(name) for name in sides if name in names}


def _answer(name: str) -> Cell:
    return lambda row: str(row[name][0]["content"])


def _turns(name: str) -> Cell:
    return lambda row: _json(row[name])


def _is_single(row: Row) -> bool:
    """Whether the row is one question and one answer (or two), of plain turns."""
    if "text" in row:
        return True
    first = row["messages"] if "messages" in row else row["prompt"] + row[_side(row)]
    others = row.get("rejected", [])
    spoken = [turn["role"] for turn in first] in _EXCHANGES
    return spoken and len(others) <= 1 and all(turn.keys() == _PLAIN for turn in first + others)


def _side(row: Row) -> str:
    return "chosen" if "chosen" in row else "completion"


def _system(row: Row) -> str:
    turns: list[Turn] = row.get("messages") or row.get("prompt") or []
    return str(turns[0]["content"]) if turns and turns[0]["role"] == "system" else ""


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
