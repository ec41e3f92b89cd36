"""What of a row is the question, the answer and the system prompt, whatever its target."""

from itertools import chain
from typing import Any

from worker.datasets.operations.stream import Row

Turn = dict[str, Any]

_SIDES = ("messages", "prompt", "chosen", "rejected", "completion")
_ANSWERS = ("chosen", "rejected", "completion")
_BETWEEN = "\n\n"


def turns(row: Row) -> list[Turn]:
    """All turns of a row, one side of a pair after the other; none of a plain text."""
    return list(chain.from_iterable(row[side] for side in _SIDES if side in row))


def question(row: Row) -> str:
    """What the users say, and the tools; empty for a plain text."""
    asked = row.get("messages") or row.get("prompt") or []
    return _said(turn for turn in asked if turn["role"] in ("user", "tool"))


def system(row: Row) -> str:
    """The system prompt; empty where there is none."""
    return _said(turn for turn in turns(row) if turn["role"] == "system")


def answers(row: Row) -> list[str]:
    """The text to learn from: one of a conversation or a plain text, two of a preference pair."""
    if "text" in row:
        return [row["text"]]
    if "messages" in row:
        return [_said(turn for turn in row["messages"] if turn["role"] == "assistant")]
    return [_said(row[side]) for side in _ANSWERS if side in row]


def answer_lengths(row: Row) -> list[int]:
    """Characters of each of the `answers`, without what stands between two turns."""
    if "messages" in row:
        said = [turn for turn in row["messages"] if turn["role"] == "assistant"]
        return [sum(len(turn["content"]) for turn in said)]
    if "text" in row:
        return [len(row["text"])]
    return [sum(len(turn["content"]) for turn in row[side]) for side in _ANSWERS if side in row]


def everything(row: Row) -> str:
    """All text of a row."""
    return row["text"] if "text" in row else _said(turns(row))


def _said(spoken: Any) -> str:
    return _BETWEEN.join(turn["content"] for turn in spoken)
