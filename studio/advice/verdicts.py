"""Whether one of two contestants is better, and how sure that is, by their votes on each other.

Let p be the chance that the one wins; before any vote all chances are equally likely. A tie is half
a win for each. Two things are asked of the votes:

- How likely is it that p is above a half? After w wins and l losses p is Beta(w + 1, l + 1)
  distributed. From 95 % on (and five votes) the verdict is "quite sure". This does not depend on
  why somebody stopped voting, but whoever looks after every vote meets it by mere chance at some
  time more often than once in twenty.
- "Sure" holds however often one looks: the votes must be 20 times likelier under "all chances
  equally likely" than under p = 1/2. Among equals that ratio is a fair game's gain, which reaches
  20 at any time with a probability of at most 1/20 (Ville, 1939; Robbins, 1970).

Where p is between 0.4 and 0.6 with 95 % the two are about equally good. What is missing is told in
votes: so many more, if they fall as those so far.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betainc, betaln

Level = Literal["sure", "quite_sure", "alike", "early"]

FEWEST = 5
"""Votes, below which nothing is said."""

MOST_MORE = 200
"""Where more votes than these are missing, their number is left open."""

_SURE = 20.0
_LIKELY = 0.95
_ALIKE = (0.4, 0.6)


@dataclass(frozen=True)
class Verdict:
    """What votes on two contestants say of who is better.

    Attributes:
        level: how sure it is; early: too early to say.
        better: 1 the first, -1 the second, 0 neither: of the votes so far.
        chance: that the one with more votes is really better, from 0.5 to 1.
        more: votes that are missing until it is quite sure; None where nothing is missing, or more
            than MOST_MORE.
    """

    level: Level
    better: int
    chance: float
    more: int | None


def between(wins: int, losses: int, ties: int = 0) -> Verdict:
    """Return what votes on the first against the second say."""
    most, least = max(wins, losses) + ties / 2, min(wins, losses) + ties / 2
    better = int(np.sign(wins - losses))
    chance = _chance(most, least)
    level: Level = "early"
    if most + least >= FEWEST:
        if _ratio(most, least) >= _SURE:
            level = "sure"
        elif chance >= _LIKELY:
            level = "quite_sure"
        elif _inside(most, least) >= _LIKELY:
            level = "alike"
    return Verdict(level, better, chance, _missing(most, least) if level == "early" else None)


def _chance(most: float, least: float) -> float:
    """Return the probability that the one with the more votes wins more than half."""
    return float(betainc(least + 1, most + 1, 0.5))


def _inside(most: float, least: float) -> float:
    low, high = (betainc(most + 1, least + 1, end) for end in _ALIKE)
    return float(high - low)


def _ratio(most: float, least: float) -> float:
    """Return how many times likelier the votes are than among equals."""
    return float(np.exp(betaln(most + 1, least + 1) + (most + least) * np.log(2)))


def _missing(most: float, least: float) -> int | None:
    share = (most + 1) / (most + least + 2)
    for more in range(1, MOST_MORE + 1):
        won, lost = most + more * share, least + more * (1 - share)
        if won + lost >= FEWEST and _chance(won, lost) >= _LIKELY:
            return more
    return None
