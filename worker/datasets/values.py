"""Finds the value that JSON, or text, cannot hold: NaN, half an emoji, an endless number."""

import re
from math import isinf
from typing import NoReturn

from worker.datasets.faults import Refusal

_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?\d[\d.eE+-]*', re.DOTALL)
# Whole escapes and whole pairs are passed over, so that what is left is half of a pair.
_LONE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)


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
        _too_large(text),
    )


def _lone_surrogate(text: str) -> int:
    """The column of the first half of a surrogate pair without its other half, or 0.

    Outside of strings valid JSON has no backslash, so that the whole line can be searched.
    """
    halves = (match.start() + 1 for match in _LONE.finditer(text) if match[1])
    return next(halves, 0)


def _too_large(text: str) -> int:
    """The column of the first number that no 64-bit float can hold, or 1."""
    numbers = (match for match in _STRING_OR_NUMBER.finditer(text) if match[0][0] != '"')
    return next((match.start() + 1 for match in numbers if isinf(float(match[0]))), 1)
