"""The rules of a conversation: what a turn must hold, and that its turns are in order."""

from collections.abc import Mapping as Fields
from typing import Any

from worker.datasets.faults import Notes, Refusal, quoted
from worker.datasets.roles import AFTER, ALIASES, CALLERS, ROLES, SHAREGPT_ROLES, START
from worker.datasets.tool_calls import calls_of, spoken_calls

Turn = dict[str, Any]
STANDARD = ("role", "content")
SHAREGPT = ("from", "value")
_KEPT = {"role", "content", "tool_calls", "function_call", "tool_call_id", "name", "weight"}


def listed(
    turns: Any, field: str, names: tuple[str, str], roles: Fields[str, str], notes: Notes
) -> list[Turn]:
    """Each item of a list as a clean turn.

    Args:
        turns: what the field holds; anything may be in it.
        field: its name, for the words of a refusal.
        names: the fields of a turn that name the speaker and hold the text.
        roles: our role for each name of a speaker, before the names that everybody knows.
        notes: gets the repairs.
    """
    if not isinstance(turns, list):
        raise Refusal(
            "messages_not_a_list",
            f"{quoted(field)} is {named_type(turns)}, but a list of messages is needed.",
            'Write [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}].',
        )
    if not turns:
        raise Refusal(
            "messages_empty",
            f"{quoted(field)} is an empty list.",
            "Add a question and its answer, or remove the line.",
        )
    return [_turn(turn, number, names, roles, notes) for number, turn in enumerate(turns, 1)]


def check_order(turns: list[Turn]) -> None:
    """Refuses turns in a wrong order, without an answer, with an empty one or nothing to learn."""
    previous = START
    for number, turn in enumerate(turns, 1):
        if turn["role"] not in AFTER[previous]:
            _refuse_order(turns, number, previous)
        previous = turn["role"]
    if previous != "assistant":
        raise Refusal(
            "no_answer",
            f'The last message is from "{previous}", so there is no answer to learn from.',
            "End the conversation with a message of the assistant, or remove the line.",
        )
    for number, turn in enumerate(turns, 1):
        if turn["role"] == "assistant":
            check_answer(turn, f"The answer in message {number}")
    if all(turn.get("weight") == 0 for turn in turns if turn["role"] == "assistant"):
        raise Refusal(
            "nothing_to_learn",
            "Every answer has the weight 0, so that nothing would be learned.",
            "Give the answers to learn from the weight 1, or remove the line.",
        )


def check_answer(turn: Turn, subject: str) -> None:
    """Refuses an answer without a visible character, unless it calls a tool or is not learned."""
    if not turn["content"].strip() and not turn.get("tool_calls") and turn.get("weight") != 0:
        raise empty_answer(subject)


def empty_answer(subject: str) -> Refusal:
    """The refusal of an answer without a visible character; nothing could be learned from it."""
    return Refusal("empty_answer", f"{subject} is empty.", "Write the answer, or remove the line.")


def named_type(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names[type(value)]


def _turn(
    turn: Any, number: int, names: tuple[str, str], roles: Fields[str, str], notes: Notes
) -> Turn:
    if not isinstance(turn, dict):
        raise Refusal(
            "message_not_an_object",
            f"Message {number} is {named_type(turn)}, but an object is needed.",
            'Write {"role": "user", "content": "…"}.',
        )
    role, content = _spelling(turn, names)
    if role not in turn:
        _refuse_missing(turn, role, number)
    if turn[role] in CALLERS and turn[role] not in roles:
        calls = spoken_calls(turn.get(content), number)
        return {"role": "assistant", "content": "", "tool_calls": calls}
    speaker = _speaker(turn[role], number, SHAREGPT_ROLES if role == "from" else {}, roles, notes)
    calls = calls_of(turn, number)
    if content not in turn and not calls:
        _refuse_missing(turn, content, number)
    clean = {"role": speaker, "content": _text(turn.get(content), content, number, calls, notes)}
    notes.ignored.update(f"messages.{name}" for name in turn.keys() - _KEPT - {role, content})
    return clean | _extras(turn, speaker, calls, number)


def _spelling(turn: Turn, names: tuple[str, str]) -> tuple[str, str]:
    """The fields of this very turn, in whichever of the known spellings it is written."""
    if names[0] not in turn:
        for other in (SHAREGPT, STANDARD):
            if other[0] in turn and other != names:
                return other
    return names


def _extras(turn: Turn, speaker: str, calls: list[Any], number: int) -> Turn:
    extras: Turn = {"tool_calls": calls} if calls else {}
    for name in ("tool_call_id", "name"):
        if isinstance(turn.get(name), str):
            extras[name] = turn[name]
    if turn.get("weight") is not None and speaker == "assistant":
        extras["weight"] = _weight(turn["weight"], number)
    return extras


def _weight(weight: Any, number: int) -> int:
    if weight in (0, 1):
        return int(weight)
    raise Refusal(
        "weight_not_0_or_1",
        f"The weight of message {number} is {quoted(weight)}, but it must be 0 or 1.",
        "Write 1 for an answer to learn from, and 0 for one that is only read.",
    )


def _refuse_missing(turn: dict[str, Any], name: str, number: int) -> None:
    seen = ", ".join(quoted(key) for key in list(turn)[:8]) or "none"
    raise Refusal(
        "message_field_missing",
        f"Message {number} has no {quoted(name)}; its fields are: {seen}.",
        'Every message needs a "role" and a "content".',
    )


def _speaker(
    name: Any, number: int, usual: Fields[str, str], roles: Fields[str, str], notes: Notes
) -> str:
    if not isinstance(name, str):
        raise _unknown_role(name, number)
    known = roles.get(name) or usual.get(name) or (name if name in ROLES else None)
    if known:
        return known
    folded = name.strip().lower()
    meant = roles.get(folded) or ALIASES.get(folded)
    if not meant:
        raise _unknown_role(name, number)
    notes.repair("role_name", f'The role {quoted(name)} was read as "{meant}".')
    return meant


def _unknown_role(role: Any, number: int) -> Refusal:
    name = quoted(role) if isinstance(role, str) else named_type(role)
    return Refusal(
        "unknown_role",
        f"Message {number} has the unknown role {name}.",
        f"The roles are: {', '.join(ROLES)}.",
    )


def _text(content: Any, field: str, number: int, calls: list[Any], notes: Notes) -> str:
    """The content as one text; a list of text parts, as the chat APIs write it, is joined."""
    if isinstance(content, str):
        return content
    if content is None and calls:
        return ""
    if isinstance(content, list):
        text = "".join(_part(part, number) for part in content)
        notes.repair("content_parts", "Content given in parts was joined into one text.")
        return text
    raise Refusal(
        "content_not_text",
        f"{quoted(field)} of message {number} is {named_type(content)}, but text is needed.",
        "Put the text in quotation marks, or remove the line.",
    )


def _part(part: Any, number: int) -> str:
    if isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("type") == "text":
        return str(part["text"])
    kind = part.get("type") if isinstance(part, dict) else None
    what = f"the type {quoted(kind)}" if isinstance(kind, str) else named_type(part)
    raise Refusal(
        "part_not_text",
        f"The content of message {number} has a part that is not text ({what}).",
        "Only text can be learned from: remove pictures, sounds and files.",
    )


def _refuse_order(turns: list[Turn], number: int, previous: str) -> None:
    role = turns[number - 1]["role"]
    if role == "system":
        raise Refusal(
            "system_not_first",
            f"Message {number} is from the system, but only the first one may be.",
            "Move the system message to the front.",
        )
    if role == "assistant" and "user" not in {turn["role"] for turn in turns[:number]}:
        raise Refusal(
            "answer_before_question",
            f"Message {number} is an answer, but no message of the user stands before it.",
            "Start with the user's question.",
        )
    before = f'follows one from "{previous}"' if previous else "is the first"
    allowed = " or ".join(f'"{name}"' for name in sorted(AFTER[previous]))
    raise Refusal(
        "not_alternating",
        f'Message {number} is from "{role}" and {before}; {allowed} must come there.',
        "User and assistant must take turns: join the two messages, or add the missing one.",
    )
