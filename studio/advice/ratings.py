"""How good contestants are by votes on pairs of answers: Bradley-Terry ratings with intervals.

The chance that i wins against j is 1 / (1 + exp(s_j - s_i)) (Bradley and Terry, 1952). The
strengths s are those of the greatest likelihood; a tie is half a win for each, as on the public
leaderboards (Chiang et al., Chatbot Arena, 2024); "both bad" says nothing of which is better and
counts for neither. They are shown as Elo points: 400 points more are ten wins to one.

Where someone has won all (more exactly: where nobody of one part has ever lost to the other; Ford,
1957) the greatest likelihood is infinitely far away. A tiny prior keeps the numbers finite: each
strength is normally distributed with a standard deviation of 31.6 (5,493 points). With 14 to 4
wins it moves the difference by less than a tenth of a point; and the rating of who has won all
counts for nothing but the order, as its interval is open: "at least".

A win never lowers the winner's lead over anyone: the likelihood's curvature with the prior is an
M-matrix, whose inverse has its largest entry of a column on the diagonal.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, log_expit
from scipy.stats import chi2

POINTS = 400 / np.log(10)
"""Elo points of a strength of 1."""

MIDDLE = 1000.0
"""So many points has the yardstick, or the mean of those that are compared with each other."""

_PRIOR = 0.001  # one over the variance
_DROP = chi2.ppf(0.95, 1) / 2  # of the log-likelihood, to the ends of the interval
_STEEPEST = 1e6

_Numbers = NDArray[np.float64]
_Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Duel:
    """A vote on two contestants; `outcome`: a, b, tie or bad."""

    a: str
    b: str
    outcome: str


@dataclass(frozen=True)
class Standing:
    """How a contestant stands among those that votes connect it with.

    Attributes:
        name: of the contestant.
        rating: in points.
        low, high: the ends of its 95 % interval; None: open, as no vote speaks against it. The
            yardstick has none, nor has who was only ever found bad.
        wins, losses, ties: of its votes; those on which both were bad are not among them.
        bad: votes that found both answers bad.
        is_yardstick: it has MIDDLE points by definition, and no interval.
    """

    name: str
    rating: float
    low: float | None
    high: float | None
    wins: int = 0
    losses: int = 0
    ties: int = 0
    bad: int = 0
    is_yardstick: bool = False


def rate(duels: Iterable[Duel], yardsticks: Collection[str] = ()) -> list[list[Standing]]:
    """Return the contestants by group, the best first; the group with the most votes first.

    Contestants of different groups have never been compared, not even by way of others: their
    ratings say nothing of each other. Points count from the one yardstick of a group; where it has
    none or several, from the mean of the largest part in which everyone has both beaten and lost to
    everyone, by way of others at least (where there is none, from everyone's mean).
    """
    known = list(duels)
    names = sorted({name for duel in known for name in (duel.a, duel.b)})
    scores = _scores(known, names)
    groups = [
        _rated(scores[np.ix_(group, group)], [names[i] for i in group], yardsticks)
        for group in _parts(_reached((scores + scores.T) > 0))
    ]
    counted = [[_counted(one, known) for one in group] for group in groups]
    return sorted(counted, key=_votes, reverse=True)


def _votes(group: Iterable[Standing]) -> int:
    return sum(one.wins + one.losses + one.ties for one in group)


def _scores(duels: Iterable[Duel], names: Sequence[str]) -> _Numbers:
    """Return wins of the row over the column, a tie as half of one for each."""
    place = {name: number for number, name in enumerate(names)}
    scores = np.zeros((len(names), len(names)))
    for duel in duels:
        share = {"a": (1.0, 0.0), "b": (0.0, 1.0), "tie": (0.5, 0.5)}.get(duel.outcome, (0.0, 0.0))
        scores[place[duel.a], place[duel.b]] += share[0]
        scores[place[duel.b], place[duel.a]] += share[1]
    return scores


def _rated(scores: _Numbers, names: Sequence[str], yardsticks: Collection[str]) -> list[Standing]:
    beats = _reached(scores > 0)
    frame = _frame(scores, beats, [name in yardsticks for name in names])
    strengths = _strongest(scores, np.zeros(len(names)), np.zeros(len(names)))
    middle = strengths[frame].mean()
    found = []
    for number, name in enumerate(names):
        alone = bool(frame[number] and frame.sum() == 1)
        low, high = (None, None) if alone else _interval(scores, strengths, beats, frame, number)
        rating = MIDDLE + POINTS * (strengths[number] - middle)
        found.append(
            Standing(name, float(rating), low, high, is_yardstick=alone and name in yardsticks)
        )
    return sorted(found, key=lambda one: (-one.rating, one.name))


def _strongest(scores: _Numbers, tilt: _Numbers, start: _Numbers) -> _Numbers:
    """Return the strengths of the greatest likelihood plus `tilt` times them, by Newton's method.

    Steps are halved until they climb: the function is strictly concave.
    """
    strengths, height = start, _likelihood(scores, start) + tilt @ start
    met = scores + scores.T
    for _ in range(200):
        chance = expit(strengths[:, None] - strengths[None, :])
        slope = scores.sum(1) - (met * chance).sum(1) - _PRIOR * strengths + tilt
        spread = met * chance * (1 - chance)
        curve = np.diag(spread.sum(1) + _PRIOR) - spread
        step = np.linalg.solve(curve, slope)
        if slope @ step < 1e-12:
            break
        size = min(1.0, 4.0 / np.abs(step).max())
        while (risen := _likelihood(scores, strengths + size * step)) + tilt @ (
            strengths + size * step
        ) < height and size > 1e-6:
            size /= 2
        strengths = strengths + size * step
        height = risen + tilt @ strengths
    return strengths


def _likelihood(scores: _Numbers, strengths: _Numbers) -> float:
    """Return its logarithm, the prior's included."""
    differences = strengths[:, None] - strengths[None, :]
    return float((scores * log_expit(differences)).sum() - _PRIOR / 2 * (strengths**2).sum())


def _interval(
    scores: _Numbers, strengths: _Numbers, beats: _Flags, frame: _Flags, number: int
) -> tuple[float | None, float | None]:
    """Return the profile-likelihood interval of a rating, in points; None where a side is open.

    Upwards it is open where part of the frame is neither the contestant nor has beaten it, by way
    of others at least: contestant and all who have can then rise together, and no vote speaks
    against it. Downwards likewise.
    """
    ends: list[float | None] = []
    for sign, held in ((-1, beats[number]), (1, beats[:, number])):
        is_open = bool((frame & ~held).any())
        ends.append(None if is_open else _end(scores, strengths, frame, number, sign))
    return ends[0], ends[1]


def _end(scores: _Numbers, strengths: _Numbers, frame: _Flags, number: int, sign: int) -> float:
    """Return where the likelihood has dropped to the interval's end.

    The likelihood is greatest among strengths of a given rating where it is greatest when tilted
    towards that rating; the tilt is searched for.
    """
    rating = np.where(frame, -1 / frame.sum(), 0.0)
    rating[number] += 1.0
    best = _likelihood(scores, strengths)

    def beyond(steepness: float) -> float:
        tilted = _strongest(scores, sign * steepness * rating, strengths)
        return best - _likelihood(scores, tilted) - float(_DROP)

    steepest = 1.0
    while beyond(steepest) < 0 and steepest < _STEEPEST:
        steepest *= 2
    steepness: float = brentq(beyond, 0.0, steepest, xtol=1e-9)
    tilted = _strongest(scores, sign * steepness * rating, strengths)
    return float(MIDDLE + POINTS * (rating @ tilted))


def _frame(scores: _Numbers, beats: _Flags, is_yardstick: Sequence[bool]) -> _Flags:
    """Return whose mean is the middle."""
    if sum(is_yardstick) == 1:
        return np.array(is_yardstick)
    parts = _parts(beats & beats.T)
    votes = [scores[np.ix_(part, part)].sum() for part in parts]
    frame = np.zeros(len(scores), bool)
    for part, inside in zip(parts, votes, strict=True):
        frame[part] = inside == max(votes)
    return frame


def _reached(steps: _Flags) -> _Flags:
    """Return what can be reached by any number of steps, none among them."""
    reached = steps | np.eye(len(steps), dtype=bool)
    for middle in range(len(steps)):
        reached |= reached[:, [middle]] & reached[[middle], :]
    return reached


def _parts(same: _Flags) -> list[list[int]]:
    """Return the parts that an equivalence divides into."""
    return [list(np.flatnonzero(row)) for row in np.unique(same, axis=0)[::-1]]


def _counted(standing: Standing, duels: Iterable[Duel]) -> Standing:
    counts: Counter[str] = Counter()
    for duel in duels:
        if standing.name in (duel.a, duel.b):
            won = {"a": duel.a, "b": duel.b}.get(duel.outcome)
            counts[duel.outcome if won is None else str(won == standing.name)] += 1
    return replace(
        standing,
        wins=counts["True"],
        losses=counts["False"],
        ties=counts["tie"],
        bad=counts["bad"],
    )
