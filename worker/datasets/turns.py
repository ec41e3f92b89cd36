"""The rules of a conversation: who may speak after whom, and what a turn must hold.

`plain` decides for the ordinary row in a fraction of a microsecond and gives up on anything else;
`careful` takes the same decision slowly, accepts what needs rewriting and words every refusal.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from worker.datasets.faults import Refusal, quoted

Turn = dict[str, str]
# roles, contents, canonical text, characters of all turns, characters of the answers
Conversation = tuple[tuple[str, ...], list[str], str, int, int]

ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
START = ""
SEPARATOR = "\0"
AFTER: dict[str, frozenset[str]] = {
    START: frozenset({"system", "user"}),
    "system": frozenset({"user"}),
    "user": frozenset({"assistant"}),
    "assistant": frozenset({"user", "tool"}),
    "tool": frozenset({"tool", "assistant"}),
}
SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "bot": "assistant",
}
TOOL_SPEAKERS = ("tool", "function_call", "function", "observation", "tool_call", "tool_response")
_MEANT = SHAREGPT_ROLES | {"developer": "system", "ai": "assistant", "chatbot": "assistant"}


def plain(turns: Any, role: str, content: str, names: dict[str, str]) -> Conversation | None:
    """The ordinary conversation, or None when the turns need a careful look.

    Args:
        turns: what the row holds; anything may be in it.
        role: the field that names the speaker.
        content: the field that holds the text.
        names: our role for each name of a speaker.
    """
    try:
        roles = tuple([names[turn[role]] for turn in turns])
        contents = [turn[content] for turn in turns]
        if sum(map(len, turns)) != 2 * len(roles):
            return None
        text = SEPARATOR.join(contents)  # raises where one is not text
        places, head = _answers(roles)
        answers = 0
        for place in places:
            answer = contents[place]
            if not answer or answer.isspace():
                return None
            answers += len(answer)
    except (KeyError, TypeError):
        return None
    characters = len(text) - len(contents) + 1
    return (roles, contents, head + text, characters, answers) if answers else None


@lru_cache(maxsize=1024)
def _answers(roles: tuple[str, ...]) -> tuple[tuple[int, ...], str]:
    """Where the answers stand in a legal order of roles, and the front of its canonical text."""
    steps = zip((START, *roles), roles, strict=False)
    if (
        not roles
        or roles[-1] != "assistant"
        or any(role not in AFTER[last] for last, role in steps)
    ):
        return (), ""
    places = tuple(place for place, role in enumerate(roles) if role == "assistant")
    return places, canonical(roles, ("",))


def canonical(roles: Iterable[str], contents: Iterable[str]) -> str:
    """The text a row is recognised by; two rows share it exactly if their content is equal.

    NUL separates, as no accepted text holds one. Never change this: evaluation splits hang on it.
    """
    return SEPARATOR.join((*roles, *contents))


def careful(turns: Any, field: str) -> list[Turn]:
    """The turns of `field` as role and content; raises the `Refusal` of the first fault."""
    clean = listed(turns, field)
    check_order(clean)
    return clean


def listed(turns: Any, field: str) -> list[Turn]:
    """Each item as role and content, in whichever of the two spellings it is written."""
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
    return [_turn(turn, number) for number, turn in enumerate(turns, 1)]


def check_order(turns: list[Turn]) -> None:
    """Refuses turns in a wrong order, without an answer, or with an empty one."""
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
        if turn["role"] == "assistant" and not turn["content"].strip():
            raise empty_answer(f"The answer in message {number}")


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


def _turn(turn: Any, number: int) -> Turn:
    if not isinstance(turn, dict):
        raise Refusal(
            "message_not_an_object",
            f"Message {number} is {named_type(turn)}, but an object is needed.",
            'Write {"role": "user", "content": "…"}.',
        )
    if turn.get("tool_calls") or turn.get("function_call"):
        raise _tools_come_later(f"Message {number} calls a tool")
    role, content = ("from", "value") if "role" not in turn and "from" in turn else _STANDARD
    for name in (role, content):
        if name not in turn:
            _refuse_missing(turn, name, number)
    text = _text(turn[content], content, number)
    if role == "from":
        return {"role": _speaker(turn[role], number), "content": text}
    return {"role": _role(turn[role], number), "content": text}


_STANDARD = ("role", "content")


def _refuse_missing(turn: dict[str, Any], name: str, number: int) -> None:
    seen = ", ".join(quoted(key) for key in list(turn)[:8]) or "none"
    raise Refusal(
        "message_field_missing",
        f"Message {number} has no {quoted(name)}; its fields are: {seen}.",
        'Every message needs a "role" and a "content".',
    )


def _role(role: Any, number: int) -> str:
    if isinstance(role, str) and role in ROLES:
        return role
    raise _unknown_role(role, number)


def _speaker(speaker: Any, number: int) -> str:
    if isinstance(speaker, str):
        if speaker in SHAREGPT_ROLES:
            return SHAREGPT_ROLES[speaker]
        if speaker in TOOL_SPEAKERS:
            raise _tools_come_later(f"Message {number} is from {quoted(speaker)}")
    raise _unknown_role(speaker, number)


def _unknown_role(role: Any, number: int) -> Refusal:
    name = quoted(role) if isinstance(role, str) else named_type(role)
    meant = _MEANT.get(role.strip().lower()) if isinstance(role, str) else None
    hint = f'Did you mean "{meant}"?' if meant else f"The roles are: {', '.join(ROLES)}."
    return Refusal("unknown_role", f"Message {number} has the unknown role {name}.", hint)


def _tools_come_later(subject: str) -> Refusal:
    return Refusal(
        "tool_call",
        f"{subject}, and tool calls cannot be learned yet.",
        "Remove the line, or leave only the messages of system, user and assistant.",
    )


def _text(content: Any, field: str, number: int) -> str:
    """The content as one text; a list of text parts, as the chat APIs write it, is joined."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_part(part, number) for part in content)
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
