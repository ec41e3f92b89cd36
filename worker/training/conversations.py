"""Conversations as chat templates want them: tool arguments as fields, nothing that is ours."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.errors import StudioError

Turn = dict[str, Any]

NO_CONVERSATIONS = (
    "These are preference pairs or judged answers, and supervised training learns from "
    "conversations or plain text.",
    "Make conversations of the chosen answers under Prepare, or choose a fitting way of learning.",
)


@dataclass(frozen=True)
class Conversation:
    """What a row gives a chat template.

    Attributes:
        line: of the person's file.
        turns: with `role` and `content`, and what tools need.
        tools: that may be called; None where there are none.
        answers: numbers of the assistant's turns.
        unlearned: numbers of the turns that are read and never learned (weight 0).
    """

    line: int
    turns: list[Turn]
    tools: list[Any] | None
    answers: tuple[int, ...]
    unlearned: frozenset[int]

    def strings(self) -> Iterator[str]:
        """Every text in it that a person wrote, arguments of tools and their names among them."""
        for turn in self.turns:
            if len(turn) == 2:  # role and content: nearly every turn
                yield turn["content"]
            else:
                yield from _strings(turn)
        yield from _strings(self.tools)


def of_row(row: dict[str, Any]) -> Conversation:
    """Return a row's conversation.

    Raises:
        StudioError: the row is none: it has an answer to prefer, or to judge.
    """
    if "messages" not in row:
        raise StudioError(*NO_CONVERSATIONS)
    turns = row["messages"]
    return Conversation(
        line=row["line"],
        turns=[_turn(turn) for turn in turns],
        tools=row.get("tools") or None,
        answers=tuple(n for n, turn in enumerate(turns) if turn["role"] == "assistant"),
        unlearned=frozenset(n for n, turn in enumerate(turns) if turn.get("weight") == 0),
    )


def require_plain_names(conversation: Conversation, control: re.Pattern[str]) -> None:
    """Raise StudioError where a field's name holds a control token: it cannot be neutralised."""
    extras = [turn.get("tool_calls") for turn in conversation.turns]
    for name in _names([conversation.tools, extras]):
        if control.search(name):
            raise StudioError(
                f"In line {conversation.line} a tool has a field named {name!r}, which holds a "
                "control token of this model.",
                "Rename the field, or leave the row out under Prepare.",
            )


def _turn(turn: Turn) -> Turn:
    if len(turn) == 2:
        return turn
    kept = {name: value for name, value in turn.items() if name != "weight"}
    if kept.get("tool_calls"):
        kept["tool_calls"] = [_call(call) for call in kept["tool_calls"]]
    return kept


def _call(call: dict[str, Any]) -> dict[str, Any]:
    """Return a tool call with its arguments as fields; files have them as JSON in a string too."""
    if "function" in call:
        return {**call, "function": _call(call["function"])}
    arguments = call.get("arguments")
    if not isinstance(arguments, str):
        return call
    try:
        fields = json.loads(arguments)
    except ValueError:
        return call
    return {**call, "arguments": fields} if isinstance(fields, dict) else call


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for part in value.values():
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)
