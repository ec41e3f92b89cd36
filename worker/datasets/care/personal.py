"""Finds, masks and takes out personal data in texts, by forms, labels and check digits.

Names are found only after a title or a label (Dr. Jane Smith, Patient: John Doe); a name that
stands alone is not, and neither are addresses. What is found may be about a public person.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from worker.datasets.care import patterns
from worker.datasets.care.bank_numbers import accounts, cards
from worker.datasets.care.identity_numbers import identity_numbers
from worker.datasets.care.phones import phones

Place = tuple[int, int]


class Span(NamedTuple):
    """A piece of personal data in a text, from `start` to before `end`."""

    kind: str
    start: int
    end: int


def find(text: str, kinds: frozenset[str] | None = None) -> list[Span]:
    """The personal data in a text, in order, no two pieces overlapping.

    Where two kinds claim the same place, the one that stands earlier in `KINDS` has it.

    Args:
        text: of any length.
        kinds: names of `KINDS` to look for; all of them where None.
    """
    gates = _gates(text)
    if not gates:
        return []
    found: list[Span] = []
    for kind, (_, gate, search) in _SEARCHES.items():
        if gate in gates and (kinds is None or kind in kinds):
            _take(found, kind, search(text))
    return sorted(found, key=lambda span: span.start)


def redact(text: str, kinds: frozenset[str]) -> tuple[str, int]:
    """The text with personal data replaced by words in brackets, and how many pieces were.

    Nothing is found in what comes out: a second look finds what the first has uncovered.

    Args:
        text: of any length.
        kinds: names of `KINDS`; all of them where empty.
    """
    wanted = kinds or None
    replaced = 0
    while spans := find(text, wanted):
        replaced += len(spans)
        pieces, end = [], 0
        for span in spans:
            pieces += [text[end : span.start], f"[{KINDS[span.kind]}]"]
            end = span.end
        text = "".join([*pieces, text[end:]])
    return text, replaced


def mask(kind: str, text: str) -> str:
    """What may be shown of a piece of personal data: enough to recognise it, not to learn it."""
    if kind == "email":
        name, _, domain = text.partition("@")
        host, _, ending = domain.rpartition(".")
        return f"{name[:1]}***@{host[:1]}***.{ending}"
    if kind == "name":
        return " ".join(f"{word[:1]}***" for word in text.split())
    if kind in _SHOWN_AT_THE_END:
        return f"***{text[-2:]}"
    if kind == "iban":
        return f"{text[:2]}***{text[-2:]}"
    return re.sub(r"[^\W_]", "*", text)


def _take(found: list[Span], kind: str, places: Iterable[Place]) -> None:
    for start, end in sorted(places):
        if all(end <= other.start or start >= other.end for other in found):
            found.append(Span(kind, start, end))


def _gates(text: str) -> set[str]:
    """What the text has at all, found quickly: most texts need no closer look."""
    gates = set()
    if "@" in text:
        gates.add("@")
    if _TITLE.search(text):
        gates.add("title")
    if _DIGIT.search(text):
        gates |= {name for name, gate in _NUMBER_GATES.items() if gate.search(text)}
    return gates


def _emails(text: str) -> Iterator[Place]:
    return (match.span() for match in patterns.EMAIL.finditer(text))


def _birth_dates(text: str) -> Iterator[Place]:
    return (match.span("value") for match in patterns.BIRTH_DATE.finditer(text))


def _record_numbers(text: str) -> Iterator[Place]:
    for match in patterns.RECORD_NUMBER.finditer(text):
        if sum(map(str.isdigit, match["value"])) >= _FEWEST_DIGITS:
            yield match.span("value")


def _names(text: str) -> Iterator[Place]:
    for expression in (patterns.TITLED_NAME, patterns.LABELLED_NAME):
        for match in expression.finditer(text):
            if match["value"].split()[0] not in patterns.NOT_NAMES:
                yield match.span("value")


def _addresses(text: str) -> Iterator[Place]:
    """Network addresses; no version or section number, no loopback, no mask."""
    for match in patterns.IPV4.finditer(text):
        before = text[max(0, match.start() - 12) : match.start()]
        if not patterns.VERSION_BEFORE.search(before) and _is_ipv4(match.group()):
            yield match.span()
    for match in patterns.IPV6.finditer(text):
        if _is_ipv6(match.group()):
            yield match.span()


def _is_ipv4(text: str) -> bool:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return False
    odd = address.is_loopback or address.is_unspecified or text.startswith("255.")
    return not odd and max(address.packed) > _LARGEST_SECTION


def _is_ipv6(text: str) -> bool:
    groups = [group for group in text.split(":") if group]
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return len(groups) >= _FEWEST_GROUPS and any(map(str.isdigit, text))


_FEWEST_DIGITS = 4  # of a record number; "patient no. 12" is one of a study's
_LARGEST_SECTION = 20  # 1.2.10.4 is rather a section of a document
_FEWEST_GROUPS = 3
_SHOWN_AT_THE_END = frozenset({"phone", "card", "record_number", "social_security"})

_DIGIT = re.compile(r"\d")
_TITLE = re.compile(
    r"\b(?:Dr|Prof|Doctor|Mr|Ms|Miss|Mx|Herr|Frau|Mme|Mlle|M[ao]|Señor|S[ir][ag]|Dott|Dra|Me[vn]"
    r"|[Pp]a[tcz]i?ente?|Client|client|Full|full|Nom|nom|Nam|nam)"
)
_NUMBER_GATES = {
    "number": re.compile(r"\d(?:[ ().\u00a0/-]{0,4}\d){5}|[A-Z]{6}\d\d"),
    "account": re.compile(r"[A-Z]{2}\d\d ?[A-Z0-9]{4}"),
    "dots": re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]"),
    "birth": re.compile(
        r"b(?i:orn|irth)|B(?i:orn|irth)|(?i:d\.?o\.?b|geb(?:\.|oren|urt)|n[ée]e? le|naiss|naci"
        r"|nat[oa] il|nasci|geboor|född|födel)"
    ),
    "record": re.compile(
        r"(?i:MRN|NHC|KVNR|record|patient|chart|hospital|insurance|health|member|policy|nummer"
        r"|fallnr|aktennr|versicherten|dossier|s[ée]jour|histori|pacient|expedient|cartella"
        r"|pazient)"
    ),
}
"""Each must be there wherever the searches behind it find something."""

_SEARCHES: dict[str, tuple[str, str, Callable[[str], Iterable[Place]]]] = {
    "email": ("e-mail", "@", _emails),
    "iban": ("bank account", "account", accounts),
    "card": ("card number", "number", cards),
    "social_security": ("social security number", "number", identity_numbers),
    "record_number": ("record number", "record", _record_numbers),
    "birth_date": ("date of birth", "birth", _birth_dates),
    "ip": ("IP address", "dots", _addresses),
    "phone": ("phone number", "number", phones),
    "name": ("name", "title", _names),
}

KINDS = {kind: words for kind, (words, _, _) in _SEARCHES.items()}
"""Kinds of personal data in the order of their claim to a place, and what stands in for each."""
