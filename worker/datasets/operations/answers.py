"""Questions for another model, and rows with the answers that it wrote."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from storage.operations import Answers
from worker.datasets.operations.stream import Row

Turn = dict[str, Any]

Fate = Literal["written", "cut_off", "empty", "too_long", "refused", "tools"]
"""What became of a question; `written` and, where asked for, `cut_off` are in the new version."""

_LEFT_OUT = {
    "cut_off": "Answers left out because they were cut off at the longest answer allowed: {n}.",
    "empty": "Answers left out because they were empty: {n}.",
    "too_long": "Questions left out because they do not fit into the model's context with the "
    "longest answer allowed: {n}.",
    "refused": "Questions left out because they do not fit the model's chat format: {n}.",
    "tools": "Conversations left out because they use tools, which the model cannot use here: {n}.",
}
_CUT_OFF_KEPT = "Answers cut off at the longest answer allowed, and kept as asked: {n}."
_KEPT = "Conversations that stay as they were, beside the new ones: {n}."
_EARLIER = "Conversations whose earlier answers stay as they were, read and not learned from: {n}."


@dataclass
class Tally:
    """How many questions met which fate.

    `earlier`: rows written with answers before the last. `kept`: old rows that stay.
    """

    written: int = 0
    cut_off: int = 0
    empty: int = 0
    too_long: int = 0
    refused: int = 0
    tools: int = 0
    earlier: int = 0
    kept: int = 0

    def add(self, fate: Fate) -> None:
        """Count a row."""
        setattr(self, fate, getattr(self, fate) + 1)

    def sentences(self, operation: Answers) -> list[str]:
        """Return what a person should know about the new version."""
        counted = asdict(self)
        lines = dict(_LEFT_OUT)
        if operation.keep_cut_off:
            lines["cut_off"] = _CUT_OFF_KEPT
        lines |= {"kept": _KEPT, "earlier": _EARLIER}
        return [
            words.format(n=f"{counted[name]:,}") for name, words in lines.items() if counted[name]
        ]


def question(row: Row, operation: Answers) -> list[Turn] | Literal["tools"]:
    """Return the turns to be answered, or the fate of a row that is not asked."""
    asked = _asked(row)
    if row.get("tools") or any(turn["role"] == "tool" or "tool_calls" in turn for turn in asked):
        return "tools"
    turns = [{"role": turn["role"], "content": turn["content"]} for turn in asked]
    if not operation.system.strip():
        return turns
    own = [turn["content"] for turn in turns if turn["role"] == "system"]
    system = "\n\n".join([operation.system.strip(), *own])
    rest = [turn for turn in turns if turn["role"] != "system"]
    return [{"role": "system", "content": system}, *rest]


def answered(row: Row, text: str) -> Row:
    """Return the row with that answer as the one that is learned."""
    asked = _asked(row)
    before = [turn | {"weight": 0} if turn["role"] == "assistant" else turn for turn in asked]
    kept = {"split": row["split"]} if "split" in row else {}
    return {"messages": [*before, {"role": "assistant", "content": text}]} | kept


def has_earlier(row: Row) -> bool:
    """Whether answers stand before the one that is written."""
    return any(turn["role"] == "assistant" for turn in _asked(row))


def _asked(row: Row) -> list[Turn]:
    """What stands before the last answer that is learned."""
    if "text" in row:
        return [{"role": "user", "content": row["text"]}]
    if "messages" not in row:
        prompt: list[Turn] = row["prompt"]
        return prompt
    turns: list[Turn] = row["messages"]
    return turns[
        : max(
            number
            for number, turn in enumerate(turns)
            if turn["role"] == "assistant" and turn.get("weight") != 0
        )
    ]
