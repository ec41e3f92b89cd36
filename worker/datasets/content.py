"""Counts what a clean row holds, and gives the number by which copies of it are found."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from xxhash import xxh3_64_intdigest

from storage.rows import canonical
from worker.datasets.roles import ROLES

ROLE_CODES: dict[str, int] = {role: code for code, role in enumerate(ROLES)}
TEXT_FORM = b'{"text":%b}'
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
        key = key_of(TEXT_FORM % orjson.dumps(text))
        return Counts(key, len(text), len(text), (), (text,))
    turns = row.get("messages")
    if turns is None:
        return _pair(row)
    contents = [turn["content"] for turn in turns]
    roles = tuple(turn["role"] for turn in turns)
    plain = "tools" not in row and all(turn.keys() == _PLAIN for turn in turns)
    key = _conversation_key(roles, contents) if plain else _whole_key(row)
    answers = sum(len(turn["content"]) for turn in turns if _is_learned(turn))
    return Counts(key, sum(map(len, contents)), answers, roles, tuple(contents))


key_of = xxh3_64_intdigest
"""The number of a plain row, from its line in the shortest form, without "split"."""


@lru_cache(1_000)
def form(codes: bytes) -> bytes:
    """The shortest line of a conversation with %b for each content, which is JSON itself.

    Args:
        codes: the role of each turn, by its place in `ROLES`.
    """
    turns = [b'{"role":"%b","content":%%b}' % ROLES[code].encode() for code in codes]
    return b'{"messages":[%b]}' % b",".join(turns)


def _conversation_key(roles: Sequence[str], contents: list[str]) -> int:
    codes = bytes(map(ROLE_CODES.__getitem__, roles))
    return key_of(form(codes) % tuple(map(orjson.dumps, contents)))


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
