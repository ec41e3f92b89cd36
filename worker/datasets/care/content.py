"""The text of a row of any shape: its answer, its parts to compare, and everything it says."""

from collections.abc import Iterable
from typing import Any

import orjson

from worker.datasets.care.shingles import SEPARATOR

Row = dict[str, Any]
Turn = dict[str, Any]


def answer(row: Row) -> str:
    """What a model would learn to say: the assistant's turns, the chosen answer, or the text."""
    if "text" in row:
        text: str = row["text"]
        return text
    if "messages" in row:
        return _said(turn for turn in row["messages"] if turn["role"] == "assistant")
    return _said(row["chosen"] if "chosen" in row else row["completion"])


def everything(row: Row) -> str:
    """All that a row says, names and arguments of tools included.

    A blank line parts the turns: no piece of personal data reaches over it, as `redact`, which
    goes turn by turn, would not find such a one.
    """
    if "text" in row:
        return answer(row)
    turns = (said for name in _TURNS for turn in row.get(name, ()) for said in _pieces(turn))
    tools = [orjson.dumps(row["tools"]).decode()] if row.get("tools") else []
    return "\n\n".join([*turns, *tools])


def parts(row: Row) -> str:
    """The parts that must be alike each for themselves in near duplicates: question and answer.

    So rows about one long passage, each with another question, are no near duplicates, and neither
    are equal answers of different worth. What the system says is left out: all rows may share it.
    """
    if "text" in row:
        return answer(row)
    if "messages" in row:
        return SEPARATOR.join([_asked(row["messages"]), answer(row)])
    prompt = _asked(row["prompt"])
    if "chosen" in row:
        return SEPARATOR.join([prompt, _said(row["chosen"]), _said(row["rejected"])])
    return SEPARATOR.join([prompt, _said(row["completion"]), str(row["label"])])


def whole(row: Row) -> str:
    """The same as one text: rows about one passage are alike, as a split must see it."""
    return parts(row).replace(SEPARATOR, "\n")


def is_empty(row: Row) -> bool:
    """Whether an answer that should be learned says nothing and calls no tool."""
    if "text" in row:
        return not answer(row).strip()
    turns = row.get("messages") or row.get("chosen") or row.get("completion") or []
    return any(
        not (turn["content"] or "").strip() and not turn.get("tool_calls")
        for turn in turns
        if turn["role"] == "assistant"
    )


_TURNS = ("messages", "prompt", "chosen", "rejected", "completion")


def _asked(turns: Iterable[Turn]) -> str:
    """All turns but the assistant's and the system's."""
    return _said(turn for turn in turns if turn["role"] not in ("assistant", "system"))


def _said(turns: Iterable[Turn]) -> str:
    return "\n".join(piece for turn in turns for piece in _pieces(turn))


def _pieces(turn: Turn) -> Iterable[str]:
    if turn["content"]:
        yield turn["content"]
    if turn.get("tool_calls"):
        yield orjson.dumps(turn["tool_calls"]).decode()
