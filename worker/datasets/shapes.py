"""Recognises by its own fields which format a row is in, and brings it into the one we keep."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from worker.datasets.faults import Refusal, quoted
from worker.datasets.turns import (
    ROLES,
    SHAREGPT_ROLES,
    Turn,
    canonical,
    careful,
    empty_answer,
    listed,
    named_type,
    plain,
)

# content to write, or None where the row itself is the content; canonical text of the content;
# characters of the whole row; characters of the answers
Normalised = tuple[dict[str, Any] | None, str, int, int]

KNOWN_FIELDS = {
    "messages": frozenset({"messages"}),
    "sharegpt": frozenset({"conversations", "system"}),
    "alpaca": frozenset({"instruction", "input", "output", "system", "history"}),
    "prompt_completion": frozenset({"prompt", "completion"}),
    "text": frozenset({"text"}),
}
_ALL_FIELDS = ("messages", "conversations", "instruction", "output", "prompt", "completion", "text")


def normalise(row: Any) -> tuple[str, Normalised]:
    """The name of the row's shape and its normalised content; raises `Refusal`."""
    if type(row) is not dict:
        raise Refusal(
            "not_an_object",
            f"The line is {named_type(row)}, but an object is needed.",
            'Write the example as {"messages": […]} or {"prompt": "…", "completion": "…"}.',
        )
    for field, shape, read in _SHAPES:
        if field in row:
            return shape, read(row)
    raise _unrecognised(row)


def _messages(row: dict[str, Any]) -> Normalised:
    turns = row["messages"]
    if counted := plain(turns, "role", "content", ROLES):
        _, _, text, characters, answers = counted
        return None if len(row) == 1 else {"messages": turns}, text, characters, answers
    return _conversation(careful(turns, "messages"))


def _sharegpt(row: dict[str, Any]) -> Normalised:
    turns = row["conversations"]
    system = _optional(row, "system")
    if system:
        return _checked([{"role": "system", "content": system}, *listed(turns, "conversations")])
    if counted := plain(turns, "from", "value", SHAREGPT_ROLES):
        roles, contents, text, characters, answers = counted
        clean = [{"role": r, "content": c} for r, c in zip(roles, contents, strict=True)]
        return {"messages": clean}, text, characters, answers
    return _conversation(careful(turns, "conversations"))


def _alpaca(row: dict[str, Any]) -> Normalised:
    """Fields of https://github.com/tatsu-lab/stanford_alpaca, plus system and history."""
    instruction, output = _required(row, "instruction"), _required(row, "output")
    more, system = _optional(row, "input"), _optional(row, "system")
    question = f"{instruction}\n\n{more}" if more and instruction else instruction or more
    turns = [{"role": "system", "content": system}] if system else []
    for asked, answered in _history(row.get("history")):
        turns += _exchange(asked, answered)
    if not output or output.isspace():
        raise empty_answer('"output"')
    return _checked(turns + _exchange(question, output))


def _prompt_completion(row: dict[str, Any]) -> Normalised:
    prompt, completion = row["prompt"], row.get("completion")
    if type(prompt) is str and type(completion) is str and completion and not completion.isspace():
        return _conversation(_exchange(prompt, completion))
    return _checked(_side(row, "prompt", "user") + _side(row, "completion", "assistant"))


def _text(row: dict[str, Any]) -> Normalised:
    text = _required(row, "text")
    if not text or text.isspace():
        raise Refusal("empty_text", '"text" is empty.', "Write the text, or remove the line.")
    content = None if len(row) == 1 else {"text": text}
    return content, canonical(("text",), (text,)), len(text), len(text)


_SHAPES: tuple[tuple[str, str, Callable[[dict[str, Any]], Normalised]], ...] = (
    ("messages", "messages", _messages),
    ("conversations", "sharegpt", _sharegpt),
    ("instruction", "alpaca", _alpaca),
    ("prompt", "prompt_completion", _prompt_completion),
    ("text", "text", _text),
)


def _side(row: dict[str, Any], field: str, role: str) -> list[Turn]:
    """One half of a prompt/completion row: a text, or a list of chat messages."""
    if isinstance(row.get(field), list):
        return listed(row[field], field)
    return [{"role": role, "content": _required(row, field)}]


def _exchange(question: str, answer: str) -> list[Turn]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _checked(turns: list[Turn]) -> Normalised:
    return _conversation(careful(turns, "messages"))


def _conversation(turns: list[Turn]) -> Normalised:
    roles = [turn["role"] for turn in turns]
    contents = [turn["content"] for turn in turns]
    answers = sum(len(turn["content"]) for turn in turns if turn["role"] == "assistant")
    return {"messages": turns}, canonical(roles, contents), sum(map(len, contents)), answers


def _history(history: Any) -> list[list[str]]:
    """Earlier exchanges as pairs of question and answer."""
    if history is None:
        return []
    pairs = history if isinstance(history, list) else [history]
    for pair in pairs:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(t) is str for t in pair)):
            raise Refusal(
                "history_not_pairs",
                '"history" is not a list of pairs of texts.',
                'Write "history": [["question", "answer"], …].',
            )
    return pairs


def _required(row: dict[str, Any], field: str) -> str:
    if field not in row:
        raise _missing(row, field)
    return _is_text(row[field], field)


def _optional(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    return "" if value is None else _is_text(value, field)


def _is_text(value: Any, field: str) -> str:
    if isinstance(value, str):
        return value
    raise Refusal(
        "field_not_text",
        f"{quoted(field)} is {named_type(value)}, but text is needed.",
        "Put the text in quotation marks, or remove the line.",
    )


def _missing(row: dict[str, Any], field: str) -> Refusal:
    near = [key for key in row if get_close_matches(key.lower(), [field], 1, 0.75)]
    meant = f" Did you mean {quoted(field)} where it says {quoted(near[0])}?" if near else ""
    return Refusal(
        "field_missing",
        f"The field {quoted(field)} is missing; the fields are: {_names(row)}.",
        f"Add {quoted(field)}, or remove the line.{meant}",
    )


def _unrecognised(row: dict[str, Any]) -> Refusal:
    """No field tells the format: says what was seen, what is needed, and the likely misspelling."""
    if "chosen" in row and "rejected" in row:
        return Refusal(
            "preference_pair",
            "This is a preference pair (chosen and rejected), which cannot be learned from yet.",
            "Keep the chosen answer as a prompt and a completion.",
        )
    for key in list(row)[:20]:
        near = get_close_matches(key.strip().lower(), _ALL_FIELDS, 1, 0.75)
        if near and near[0] != key and near[0] not in row:
            return Refusal(
                "field_misspelt",
                f"The field {quoted(key)} is not known; the fields are: {_names(row)}.",
                f"Did you mean {quoted(near[0])}?",
            )
    return Refusal(
        "fields_unknown",
        f"No known format has these fields: {_names(row)}.",
        'Needed is one of: "messages"; "conversations"; "instruction" and "output"; '
        '"prompt" and "completion"; "text".',
    )


def _names(row: dict[str, Any]) -> str:
    more = f" and {len(row) - 8} more" if len(row) > 8 else ""
    return (", ".join(quoted(key) for key in list(row)[:8]) or "none") + more
