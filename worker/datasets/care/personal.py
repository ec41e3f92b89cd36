"""Finds, masks and takes out personal data in texts, by forms, labels and check digits.

Names are found only after a title or a label (Dr. Jane Smith, Patient: John Doe); a name that
stands alone is not, and neither are addresses. What is found may be about a public person.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from operator import attrgetter
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
    for kind, gate, search in _SEARCHES:
        if gate in gates and (kinds is None or kind in kinds):
            _take(found, kind, search(text))
    return found


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
    """Adds the places that are still free; `found` stays in order."""
    for start, end in sorted(places):
        at = bisect_left(found, start, key=_START)
        is_after = at == 0 or found[at - 1].end <= start
        is_before = at == len(found) or end <= found[at].start
        if is_after and is_before:
            found.insert(at, Span(kind, start, end))


def _gates(text: str) -> set[str]:
    """What the text has at all, found quickly: most texts need no closer look."""
    small = text.lower()
    gates = {name for name, words in _WORD_GATES.items() if any(map(small.__contains__, words))}
    if _TITLE.search(text):
        gates.add("title")
    if not _DIGIT.search(text):
        return gates - _WITH_DIGITS
    gates |= {name for name, gate in _NUMBER_GATES.items() if gate.search(text)}
    if "record" in gates and not _LONG_NUMBER.search(text):
        gates.remove("record")
    return gates


def _emails(text: str) -> Iterator[Place]:
    return (match.span() for match in patterns.EMAIL.finditer(text))


def _birth_dates(text: str) -> Iterator[Place]:
    return (match.span("value") for match in patterns.BIRTH_DATE.finditer(text))


def _record_numbers(text: str) -> Iterator[Place]:
    for match in patterns.RECORD_NUMBER.finditer(text):
        if sum(map(str.isdigit, match["value"])) >= _FEWEST_DIGITS:
            yield match.span("value")


def _titled_names(text: str) -> Iterator[Place]:
    return _real_names(patterns.TITLED_NAME.finditer(text))


def _labelled_names(text: str) -> Iterator[Place]:
    return _real_names(patterns.LABELLED_NAME.finditer(text))


def _real_names(matches: Iterable[re.Match[str]]) -> Iterator[Place]:
    for match in matches:
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


_START = attrgetter("start")
_FEWEST_DIGITS = 4  # of a record number; "patient no. 12" is one of a study's
_LARGEST_SECTION = 20  # 1.2.10.4 is rather a section of a document
_FEWEST_GROUPS = 3
_SHOWN_AT_THE_END = frozenset({"phone", "card", "record_number", "social_security"})

_DIGIT = re.compile(r"\d")
_LONG_NUMBER = re.compile(r"\d(?:[-/]?[A-Za-z0-9]){3}")
_TITLE = re.compile(r"\b(?:D[or]|Prof|M[irsxlaoe]|Herr|Frau|Mme|Señor|S[ir][agr])")
_NUMBER_GATES = {
    "number": re.compile(r"\d(?:[ ().\u00a0/-]{0,4}\d){5}|[A-Z]{6}\d\d"),
    "account": re.compile(r"[A-Z]{2}\d\d ?[A-Z0-9]{2}"),
    "dots": re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]"),
}
_LABELS = ("tient", "tientin", "tiente", "tienten", "ciente", "ziente", "name")
_WITH_DIGITS = frozenset({"birth", "record"})
_WORD_GATES = {
    "@": ("@",),
    "label": tuple(f"{label}{colon}" for label in _LABELS for colon in (":", " :")),
    "birth": (
        *("born", "birth", "dob", "d.o", "do.b", "geb", "né", "nee le", "ne le", "naiss"),
        *("naci", "nato il", "nata il", "nasci", "föd"),
    ),
    "record": (
        *("mrn", "nhc", "kvnr", "record", "patient", "chart", "hospital", "insurance", "health"),
        *("clinical", "member", "policy", "fall", "versicherten", "akten", "dossier", "jour"),
        *("histori", "paciente", "expediente", "cartella", "paziente"),
    ),
}
"""Each must be there wherever the searches behind it find something."""

KINDS = {
    "email": "e-mail",
    "iban": "bank account",
    "card": "card number",
    "social_security": "social security number",
    "record_number": "record number",
    "birth_date": "date of birth",
    "ip": "IP address",
    "phone": "phone number",
    "name": "name",
}
"""Kinds of personal data in the order of their claim to a place, and what stands in for each."""

_SEARCHES: tuple[tuple[str, str, Callable[[str], Iterable[Place]]], ...] = (
    ("email", "@", _emails),
    ("iban", "account", accounts),
    ("card", "number", cards),
    ("social_security", "number", identity_numbers),
    ("record_number", "record", _record_numbers),
    ("birth_date", "birth", _birth_dates),
    ("ip", "dots", _addresses),
    ("phone", "number", phones),
    ("name", "title", _titled_names),
    ("name", "label", _labelled_names),
)
"""What is looked for, behind which gate, and how."""
