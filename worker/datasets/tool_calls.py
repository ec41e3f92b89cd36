"""Tools and their calls, as OpenAI, its older form and ShareGPT write them, in one form.

A call becomes {"type": "function", "function": {"name", "arguments"}}, an "id" kept; arguments are
an object wherever their text is one, as the chat templates expect.
"""

import json
from typing import Any

import orjson

from worker.datasets.faults import Refusal, quoted

Call = dict[str, Any]


def calls_of(turn: dict[str, Any], number: int) -> list[Call]:
    """The tool calls of a turn, also from the older "function_call"; empty where there are none."""
    calls, legacy = turn.get("tool_calls"), turn.get("function_call")
    if calls is None and legacy is None:
        return []
    if not calls:
        return [_call(legacy, number)] if legacy else []
    if not isinstance(calls, list):
        raise _unreadable(number)
    return [_call(call, number) for call in calls]


def spoken_calls(value: Any, number: int) -> list[Call]:
    """The calls in the value of a ShareGPT "function_call": one, or a list, mostly as text."""
    calls = parsed(value)
    if isinstance(calls, dict):
        calls = [calls]
    if not isinstance(calls, list) or not calls:
        raise _unreadable(number)
    return [_call(call, number) for call in calls]


def tools_of(value: Any, field: str) -> list[Any]:
    """The tools that may be called: a list of objects, or the text of one; empty where missing."""
    tools = parsed(value) if value else []
    if isinstance(tools, dict):
        tools = [tools]
    if isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools):
        return tools
    raise Refusal(
        "tools_not_a_list",
        f"{quoted(field)} is not a list of tools.",
        'Write a list of objects, each with a "name" and "parameters", or leave the field out.',
    )


def parsed(value: Any) -> Any:
    """The JSON object or list that a text holds; anything else as it is.

    A text that gives one name twice stays a text: one of the two values would be lost. So does
    one with a value that cannot be written again, such as half a character.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        inner = json.loads(value, object_pairs_hook=_unique, parse_constant=_no_constant)
        orjson.dumps(inner)
    except (ValueError, RecursionError, orjson.JSONEncodeError):
        return value
    return inner


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError
    return names


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _call(call: Any, number: int) -> Call:
    function = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise _unreadable(number)
    arguments = function.get("arguments", function.get("parameters", {}))
    text = parsed(arguments)
    clean: Call = {"type": "function", "function": {"name": function["name"], "arguments": text}}
    if isinstance(call.get("id"), str):
        clean = {"id": call["id"], **clean}
    return clean


def _unreadable(number: int) -> Refusal:
    return Refusal(
        "tool_call_unreadable",
        f"Message {number} calls a tool in a way that cannot be read.",
        'Write {"name": "…", "arguments": {…}} for each call.',
    )
