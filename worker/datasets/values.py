"""Finds the value that JSON, or text, cannot hold: NaN, half an emoji, an endless number."""

import re
from typing import NoReturn

from worker.datasets.faults import Refusal

_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def explain_value(text: str) -> NoReturn:
    """Raises the refusal of a line whose syntax is right, but not one of its values."""
    for match in _STRING_OR_CONSTANT.finditer(text):
        if match[0][0] != '"':
            raise Refusal(
                "not_a_number",
                f"{match[0]} is not a value that JSON knows.",
                "Write null or a number, or put it in quotation marks if it is text.",
                match.start() + 1,
            )
    surrogate = _lone_surrogate(text)
    if surrogate:
        raise Refusal(
            "lone_surrogate",
            f"{text[surrogate - 1 : surrogate + 5]} is half of a character.",
            "An emoji or rare letter was cut in two; write the whole character.",
            surrogate,
        )
    raise Refusal(
        "number_too_large",
        "A number is too large to be stored.",
        "Shorten the number, or put it in quotation marks if it is an identifier.",
        _longest_number(text),
    )


def _lone_surrogate(text: str) -> int:
    """The column of the first half of a surrogate pair without its other half, or 0."""
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"', text, re.DOTALL):
        halves = [
            match
            for match in re.finditer(r"\\(?:u[0-9a-fA-F]{4}|.)", token[0], re.DOTALL)
            if _SURROGATE.fullmatch(match[0])
        ]
        while halves:
            first = halves.pop(0)
            low = halves and halves[0].start() == first.end() and halves[0][0][3] in "cdefCDEF"
            if first[0][3] in "cdefCDEF" or not low:
                return token.start() + first.start() + 1
            halves.pop(0)
    return 0


def _longest_number(text: str) -> int:
    numbers = [m for m in _STRING_OR_NUMBER.finditer(text) if m[0][0] != '"']
    infinite = [m for m in numbers if len(m[0]) > 300 or "e" in m[0].lower()]
    return infinite[0].start() + 1 if infinite else 1
