"""Numbers of bank accounts and payment cards, by their check digits."""

import re
from collections.abc import Iterator

from stdnum import iban, luhn

from worker.datasets.care.patterns import CARD, IBAN

_SHORTEST_IBAN = 15
_ISSUERS = re.compile(
    r"4(?:\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6(?:011|4[4-9]\d|5\d\d|2\d\d)\d{12,15}"
)
"""Beginnings and lengths of card numbers (ISO/IEC 7812); the old ones of 13 digits are
no longer issued, and other long numbers look like them."""


def accounts(text: str) -> Iterator[tuple[int, int]]:
    """Where in the text IBANs stand, from and to."""
    for match in IBAN.finditer(text):
        length = _valid_length(match.group())
        if length:
            yield match.start(), match.start() + length


def cards(text: str) -> Iterator[tuple[int, int]]:
    """Where in the text card numbers stand, from and to."""
    for match in CARD.finditer(text):
        digits = match.group().replace(" ", "").replace("-", "")
        if _ISSUERS.fullmatch(digits) and luhn.is_valid(digits):
            yield match.span()


def _valid_length(found: str) -> int:
    """How much of the beginning is an IBAN, as a word in capitals may follow it; 0 where none."""
    for length in range(len(found), _SHORTEST_IBAN - 1, -1):
        follows = found[length : length + 1]
        if not follows.isalnum() and iban.is_valid(found[:length]):
            return length
    return 0
