"""One rule made ready: where a text has it, and where a text that goes on may come to have it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import regex

from storage.errors import StudioError
from storage.safety.profile import Profile, Rule
from worker.safety.folding import fold

SECONDS: Final = 0.2
"""Of computing, that one rule may take in one window of text."""

_LETTER: Final = r"[^\W_]"
_BETWEEN: Final = r"[\W_]{1,3}"
_GAP: Final = rf"(?:{_LETTER}{{1,30}}[^\w.!?]{{1,3}}){{0,5}}"
_GOES_ON: Final = rf"{_LETTER}{{0,30}}"
_SPREAD: Final = r"[ ._*-]"
_FEWEST_SPREAD: Final = 4
"""Letters of a phrase that is also looked for with its letters apart."""

_PIECES: Final = regex.compile(rf"\.\.\.|{_LETTER}+\*?")

Span = tuple[int, int]
Found = TypeVar("Found")


class TooSlow(StudioError):
    """A rule's pattern takes too long; the text was not judged."""


@dataclass(frozen=True)
class Finder:
    """A rule made ready.

    Attributes:
        rule: with its id, side and action.
        words: what the person is shown.
    """

    rule: Rule
    words: str
    _sought: "tuple[regex.Pattern[str], ...]"
    _unless: "regex.Pattern[str] | None"

    def found(self, text: str, start: int) -> list[Span]:
        """Return where a folded text has it, from `start` on; may overlap where it has two forms.

        Raises:
            TooSlow: the rule's pattern takes too long on this text.
        """

        def look(seconds: float) -> list[Span]:
            return [
                match.span()
                for sought in self._sought
                for match in sought.finditer(text, start, timeout=seconds)
                if match.end() > match.start()
            ]

        return self._in_time(look)

    def may_begin(self, text: str, start: int) -> int:
        """Return from where on a folded text could become it if it goes on; its length: nowhere.

        `start`: after what has been found. Raises TooSlow.
        """

        def look(seconds: float) -> int:
            ends = [
                sought.search(text, start, partial=True, timeout=seconds) for sought in self._sought
            ]
            return min([end.start() for end in ends if end and end.partial], default=len(text))

        return self._in_time(look)

    def excused(self, sentence: str) -> bool:
        """Tell whether a folded sentence has one of the exceptions."""
        return self._unless is not None and self._unless.search(sentence) is not None

    def _in_time(self, look: Callable[[float], Found]) -> Found:
        """Return what a search finds; the library's limit counts all threads, this one its own."""
        begun, limit = time.thread_time(), SECONDS
        while True:
            try:
                return look(limit)
            except TimeoutError as error:
                if time.thread_time() - begun >= SECONDS:
                    raise TooSlow(
                        f"The pattern of the safety rule “{self.rule.id}” takes too long, so "
                        "nothing was said.",
                        "Make the pattern simpler on the page Safety, or choose another profile "
                        "there.",
                    ) from error
                limit *= 4


def finders(profile: Profile, side: str) -> list[Finder]:
    """Return the rules of a profile that are looked for on a side (input or output)."""
    return [
        _ready(rule, profile.words_of(rule))
        for rule in profile.rules
        if rule.side in (side, "both") and profile.holds(rule)
    ]


def _ready(rule: Rule, words: str) -> Finder:
    sought = [_phrases(rule.phrases)] if rule.phrases else []
    if rule.pattern:
        sought.append(regex.compile(rule.pattern, regex.IGNORECASE))
    return Finder(rule, words, tuple(sought), _phrases(rule.unless) if rule.unless else None)


def _phrases(phrases: list[str]) -> "regex.Pattern[str]":
    """Return an expression for any of these phrases, in folded text, on the borders of words."""
    forms = [_form(phrase) for phrase in phrases]
    return regex.compile(rf"(?<!{_LETTER})(?:{'|'.join(forms)})(?!{_LETTER})")


def _form(phrase: str) -> str:
    pieces = _PIECES.findall(fold(phrase).text)
    while pieces and pieces[0] == "...":
        pieces.pop(0)
    while pieces and pieces[-1] == "...":
        pieces.pop()
    spread = sum(map(len, pieces)) >= _FEWEST_SPREAD
    form = ""
    for number, piece in enumerate(pieces):
        if piece != "...":
            gap = _GAP if number and pieces[number - 1] == "..." else ""
            form += (_BETWEEN if number else "") + gap + _word(piece, spread=spread)
    return form


def _word(piece: str, *, spread: bool) -> str:
    """Return an expression for one word of a phrase; `spread`: also with its letters apart."""
    if piece.endswith("*"):
        return regex.escape(piece[:-1]) + _GOES_ON
    whole = regex.escape(piece)
    if not spread or len(piece) == 1:
        return whole
    return f"(?:{whole}|{_SPREAD.join(regex.escape(letter) for letter in piece)})"
