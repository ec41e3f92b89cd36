"""Counts what a clean row holds, and gives the number by which copies of it are found."""

from typing import Any, NamedTuple

from xxhash import xxh3_64_intdigest

from storage.rows import canonical
from worker.datasets.roles import ROLES

STEP = 0x9E3779B97F4A7C15  # odd, so that every place of a turn in its row counts
WHOLE = (1 << 64) - 1
ROLE_CODES: dict[str, int] = {role: code for code, role in enumerate(ROLES)}
ROLE_SALT = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89)
_PLAIN = {"role", "content"}


class Counts(NamedTuple):
    """What is counted of one row."""

    key: int  # 64 bits; equal for rows of equal content
    characters: int
    answers: int  # characters of what is learned
    roles: tuple[str, ...]  # of every turn; empty for plain text
    tokens: tuple[str, ...]  # texts in which a control token may stand


def counted(row: dict[str, Any]) -> Counts:
    """Counts a normalised row."""
    if "text" in row:
        text = row["text"]
        return Counts(text_key(text), len(text), len(text), (), (text,))
    turns = row.get("messages")
    if turns is None:
        return _pair(row)
    contents = [turn["content"] for turn in turns]
    roles = tuple(turn["role"] for turn in turns)
    plain = "tools" not in row and all(turn.keys() == _PLAIN for turn in turns)
    key = conversation_key(roles, contents) if plain else _whole_key(row)
    answers = sum(len(turn["content"]) for turn in turns if _is_learned(turn))
    return Counts(key, sum(map(len, contents)), answers, roles, tuple(contents))


def conversation_key(roles: tuple[str, ...], contents: list[str]) -> int:
    """The number of a plain conversation; the fast path computes the same for many at once."""
    key = 0
    factor = 1
    for role, content in zip(roles, contents, strict=True):
        factor = factor * STEP & WHOLE
        salted = xxh3_64_intdigest(content.encode()) + ROLE_SALT[ROLE_CODES[role]]
        key = key + salted * factor & WHOLE
    return key


def text_key(text: str) -> int:
    """The number of a plain text."""
    return xxh3_64_intdigest(text.encode()) ^ ROLE_SALT[0]


def _pair(row: dict[str, Any]) -> Counts:
    turns = row["prompt"] + row.get("chosen", []) + row.get("rejected", [])
    turns += row.get("completion", [])
    contents = tuple(turn["content"] for turn in turns)
    characters = sum(map(len, contents))
    answers = characters - sum(len(turn["content"]) for turn in row["prompt"])
    return Counts(_whole_key(row), characters, answers, tuple(t["role"] for t in turns), contents)


def _is_learned(turn: dict[str, Any]) -> bool:
    return turn["role"] == "assistant" and turn.get("weight") != 0


def _whole_key(row: dict[str, Any]) -> int:
    return xxh3_64_intdigest(canonical(row).encode())
