"""Telephone numbers, strictly: a dose, a laboratory value, a year or an article's id is none.

A number counts where it is written internationally (+49 …), where a word such as "Tel." leads it,
or where its grouping is one that people write telephone numbers in; and always only where the
numbering plan of a country knows it (phonenumbers).
"""

import re
from collections.abc import Iterator

import phonenumbers

from worker.datasets.care.patterns import (
    AMERICAN,
    INTERNATIONAL,
    NATIONAL,
    NOT_A_PHONE_BEFORE,
    PHONE_LABEL,
)

_EUROPEAN = ("DE", "GB", "FR", "ES", "IT", "AT", "CH", "NL", "BE", "SE", "PL", "PT", "IE", "DK")
_REGIONS = ("US", *_EUROPEAN, "IN", "AU", "BR", "MX")
_BEFORE = 24  # characters looked at for a word that says it is something else


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Where in the text telephone numbers stand, from and to."""
    for match in INTERNATIONAL.finditer(text):
        if _is_valid(_plus(match.group()), None) and not _is_something_else(text, match):
            yield match.span()
    for expression, regions in ((AMERICAN, ("US",)), (NATIONAL, _EUROPEAN)):
        for match in expression.finditer(text):
            if not _is_something_else(text, match) and _is_one_of(match.group(), regions):
                yield match.span()
    for match in PHONE_LABEL.finditer(text):
        if _is_one_of(match["value"], _REGIONS):
            yield match.span("value")


def _is_one_of(number: str, regions: tuple[str, ...]) -> bool:
    return any(_is_valid(number, region) for region in regions)


def _is_valid(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def _plus(number: str) -> str:
    return f"+{number[2:]}" if number.startswith("00") else number


def _is_something_else(text: str, match: re.Match[str]) -> bool:
    begin = match.start()
    return NOT_A_PHONE_BEFORE.search(text, max(0, begin - _BEFORE), begin) is not None
