"""Text as the rules see it: small letters, no accents, nothing invisible, single spaces."""

import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import regex

_LOOK_ALIKE = str.maketrans(
    "авекмнорстухіјѕһԁԛԝ" + "αβεικνορτυχ",
    "abekmhopctyxijshdqw" + "abeikvoptux",
)
"""Cyrillic and Greek letters that pass for Latin ones beside them."""

_ODD = regex.compile("[авекмнорстухіјѕһԁԛԝαβεικνορτυχ]")
_WORD = regex.compile(r"[^\W_]+")
_LATIN = regex.compile("[a-z]")
_QUOTES = {"\u2018": "'", "\u2019": "'", "\u02bc": "'", "`": "'", "\u00b4": "'"}
_BLANK = {"\u2800", "\u3164", "\u115f", "\u1160", "\uffa0"}
"""Letters and signs that are drawn as nothing."""


@dataclass(frozen=True)
class Folded:
    """A text as the rules see it.

    Attributes:
        text: folded.
        places: for each of its characters, and one past the end, where it stands in the original.
    """

    text: str
    places: list[int]

    def end(self, at: int) -> int:
        """Return where, in the original, what ends before `at` ends."""
        return max(self.places[at], self.places[at - 1] + 1) if at else 0

    def index(self, place: int) -> int:
        """Return the first folded character that stands at a place of the original or after it."""
        return bisect_left(self.places, place)


def fold(text: str) -> Folded:
    """Return a text without what makes equal words look unequal to a program.

    Compatibility forms (Unicode NFKD), capitals, accents, invisible characters, every kind of space
    and dash; letters of other scripts in the middle of Latin words.
    """
    letters: list[str] = []
    places: list[int] = []
    blank = False
    for place, letter in enumerate(text):
        for plain in _plain(letter):
            if plain == " " and blank:
                continue
            blank = plain == " "
            letters.append(plain)
            places.append(place)
    places.append(len(text))
    folded = "".join(letters)
    return Folded(_WORD.sub(_latin, folded) if _ODD.search(folded) else folded, places)


@lru_cache(maxsize=20_000)
def _plain(letter: str) -> str:
    """Return what stands for a character: nothing, one, or several."""
    if letter.isspace() or letter in _BLANK:
        return " "
    if letter in _QUOTES:
        return "'"
    kind = unicodedata.category(letter)
    if kind == "Pd":
        return "-"
    if kind in ("Cf", "Mn", "Me"):
        return ""
    apart = unicodedata.normalize("NFKD", letter).casefold()
    kept = (each for each in apart if unicodedata.category(each) not in ("Cf", "Mn", "Me"))
    return "".join(" " if each.isspace() else each for each in kept)


def _latin(word: "regex.Match[str]") -> str:
    found = word.group()
    return found.translate(_LOOK_ALIKE) if _LATIN.search(found) else found
