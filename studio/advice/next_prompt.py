"""Which question to vote on next: where two answers differ most, else where a model is least sure.

A vote where both said nearly the same tells little of who is better, and makes no useful pair to
learn from (the idea of active learning: ask where the answer is least known; Settles, 2009).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal

Basis = Literal["differ", "unsure", "order", "same", "again", "done"]


@dataclass(frozen=True)
class Candidate:
    """A question that nobody has voted on yet.

    Attributes:
        number: its place in the set, from 0.
        share: of their words that the two answers have in common, 0 to 1; None where one is not
            known.
        sure: the smaller one of how sure the two were: mean log-probability of an answer's tokens;
            None where it is not known.
        is_asked: it was put to them already, and not voted on.
    """

    number: int
    share: float | None = None
    sure: float | None = None
    is_asked: bool = False


@dataclass(frozen=True)
class Choice:
    """The question to vote on next and why; `percent`: of words in common, or of sureness."""

    number: int | None
    basis: Basis
    percent: int | None = None


def in_common(a: str, b: str) -> float:
    """Return the share of their words that two texts have in common, 0 to 1.

    Twice the common words over all words (Dice, 1945), each as often as it stands in both. Texts
    without spaces are taken letter by letter.
    """
    one, other = (Counter(_words(text)) for text in (a, b))
    everything = one.total() + other.total()
    return 2 * (one & other).total() / everything if everything else 1.0


def choose(candidates: Iterable[Candidate]) -> Choice:
    """Return the question that tells most.

    First come answers that differ, the most first; then an unsure model, the least sure first; then
    what nothing is known of, in the set's order; then answers that are the same. What was put
    already without a vote comes again last.
    """
    found = sorted(candidates, key=_rank)
    return _told(found[0]) if found else Choice(None, "done")


def _words(text: str) -> Sequence[str]:
    words = text.casefold().split()
    return words if len(words) > 1 else text.strip().casefold()


def _rank(one: Candidate) -> tuple[bool, int, float, float, int]:
    unsure = one.sure if one.sure is not None else 0.0
    if one.share is None:
        return (one.is_asked, 1, unsure, 0.0, one.number)
    return (one.is_asked, 0 if one.share < 1 else 2, one.share, unsure, one.number)


def _told(one: Candidate) -> Choice:
    if one.is_asked:
        return Choice(one.number, "again")
    if one.share is not None:
        return Choice(one.number, "differ" if one.share < 1 else "same", round(100 * one.share))
    if one.sure is not None:
        return Choice(one.number, "unsure", round(100 * exp(one.sure)))
    return Choice(one.number, "order")
