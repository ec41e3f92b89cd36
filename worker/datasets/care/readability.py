"""How hard answers are to read: Flesch's reading ease and the Flesch-Kincaid grade.

Syllables are counted as places to hyphenate and one more, from the dictionaries of pyphen. Ease
runs from about 0 (hard) to 100 (easy); a grade is years of school in the United States.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyphen import Pyphen

FEWEST_WORDS = 10  # of an answer that is measured
_LOOKED_AT = 5000  # characters of an answer
_MOST_WORDS_KEPT = 50_000

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'\u201d\u2019)\]]*\s+(?=[^a-zß-ÿ\s])|\n+")


@dataclass(frozen=True)
class Formula:
    """Constants of a reading ease: base - sentence * words/sentences - word * syllables/words."""

    base: float
    sentence: float
    word: float


EASE = {
    "en": Formula(206.835, 1.015, 84.6),
    "de": Formula(180.0, 1.0, 58.5),
    "es": Formula(206.835, 1.0, 62.3),
    "fr": Formula(207.0, 1.015, 73.6),
    "it": Formula(217.0, 1.3, 60.0),
    "nl": Formula(206.835, 0.93, 77.0),
}
"""By language. English: R. Flesch, A new readability yardstick, 1948. German: T. Amstad, Wie
verständlich sind unsere Zeitungen?, 1978. Spanish: F. Szigriszt Pazos, 1993. French: L. Kandel and
A. Moles, 1958. Italian: V. Franchina and R. Vacca, 1986. Dutch: W. Douma, 1960."""


@dataclass(frozen=True)
class Counts:
    """What the formulas need of a text."""

    sentences: int
    words: int
    syllables: int


class Syllables(dict[str, int]):
    """Syllables of words of a language, kept, as most words have been met before."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._hyphens = Pyphen(lang=language, left=1, right=1)

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS_KEPT:
            self.clear()
            self._hyphens.hd.cache.clear()
        found = self[word] = len(self._hyphens.positions(word)) + 1
        return found


def counts(text: str, syllables: Syllables) -> Counts:
    """Sentences, words and syllables of a text; a line of its own, as in a list, is a sentence."""
    words = _WORD.findall(text.lower())
    sentences = sum(1 for piece in _SENTENCE_END.split(text) if _WORD.search(piece))
    return Counts(sentences, len(words), sum(map(syllables.__getitem__, words)))


def ease(found: Counts, language: str) -> float:
    """The reading ease by the formula of a language of `EASE`."""
    formula = EASE[language]
    long_sentences = formula.sentence * found.words / found.sentences
    return formula.base - long_sentences - formula.word * found.syllables / found.words


def grade(found: Counts) -> float:
    """The Flesch-Kincaid grade of an English text (J. P. Kincaid and others, 1975)."""
    return 0.39 * found.words / found.sentences + 11.8 * found.syllables / found.words - 15.59


class Readability:
    """Takes answers in, each in its language, and sums up those in one."""

    def __init__(self) -> None:
        self._syllables: dict[str, Syllables] = {}
        self._counts: dict[str, list[Counts]] = {}

    def add(self, answer: str, language: str | None) -> None:
        """Takes in an answer whose language is known and has a formula."""
        if language is None or language not in EASE:
            return
        if language not in self._syllables:
            self._syllables[language] = Syllables(language)
        found = counts(answer[:_LOOKED_AT], self._syllables[language])
        if found.words >= FEWEST_WORDS:
            self._counts.setdefault(language, []).append(found)

    def found(self, language: str | None) -> dict[str, Any]:
        """What is to be known of the answers in a language, or why nothing is.

        The grade is None for other languages than English, whose schools it was made for.
        """
        if language is None:
            return {"why": "No answer is long enough to tell its language."}
        if language not in EASE:
            return {"why": f"No formula for the language “{language}” is built in."}
        measured = self._counts.get(language, [])
        if not measured:
            return {"why": f"No answer has {FEWEST_WORDS} words or more."}
        grades = [grade(found) for found in measured] if language == "en" else []
        return {
            "language": language,
            "grade": _spread(grades) if grades else None,
            "ease": {"median": round(float(np.median([ease(c, language) for c in measured])), 1)},
            "answers": len(measured),
        }


def _spread(values: list[float]) -> dict[str, float]:
    low, middle, high = np.percentile(values, (10, 50, 90))
    return {
        name: round(float(v), 1) for name, v in (("median", middle), ("p10", low), ("p90", high))
    }
