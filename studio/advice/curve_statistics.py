"""What can be said of a noisy curve: its noise, its change, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.curves import Curve

Numbers = NDArray[np.float64]

SMALL = 0.01
"""A smaller share of a loss is no change that anybody would notice."""

_WIDER = {2: 6.0**0.5, 3: 20.0**0.5}
"""Second and third differences of independent noise are so many times as wide as the noise."""

_REACH = 5
"""Neighbours on either side that an outlier is measured by."""


@dataclass(frozen=True)
class Values:
    """The finite points of a curve, shape (points,) each."""

    steps: NDArray[np.int64]
    values: Numbers

    def __len__(self) -> int:
        """Return how many points there are."""
        return len(self.values)

    @property
    def lowest(self) -> int:
        """The place of the lowest point."""
        return int(np.argmin(self.values))


def finite(curve: Curve | None) -> Values:
    """Return the points of a curve that are numbers; none where there is no curve."""
    there = [] if curve is None else zip(curve.steps, curve.values, strict=True)
    pairs = [(step, value) for step, value in there if value is not None and np.isfinite(value)]
    steps, values = zip(*pairs, strict=True) if pairs else ((), ())
    return Values(np.array(steps, np.int64), np.array(values, np.float64))


def noise(values: Numbers) -> float:
    """Return the standard deviation of a curve's points around its course; 0 of fewer than three.

    From second differences, which a straight course does not widen (as von Neumann 1941 did with
    first ones). A bend widens them: what is judged by it is then claimed more rarely.
    """
    return _mean_noise(values, 2)


def fall(values: Numbers) -> tuple[float, float]:
    """Return by how much a curve falls from its begin to its end, and the standard error of that.

    By the straight line of least squares through the points; there must be three or more.
    """
    count = len(values)
    places = np.arange(count) - (count - 1) / 2
    spread = float(places @ places)
    slope = float(places @ values) / spread
    return -slope * (count - 1), noise(values) / float(np.sqrt(spread)) * (count - 1)


def has_risen(values: Numbers, sure: float = 3.5, least: float = 0.01) -> bool:
    """Tell whether a curve of few points has clearly risen since its lowest one.

    It has where three or more points follow the lowest, most of them stand higher than those before
    them (Kendall's tau of 0.2 or more), and the mean of the last three is above that around the
    lowest by more than the noise explains and by a share `least` of it. The noise is the largest of
    three estimates, as each is too small now and then. It also has where it climbs (`_climbs`).
    Tried on made curves: fewer than one in 100 that are flat, and of those that fall one in 500
    with noise of 15 % and none with less, were said to rise.

    Args:
        values: of the curve.
        sure: so many standard errors of the difference; the fewer points follow, the more.
        least: share of the lowest value.
    """
    lowest = int(np.argmin(values))
    later = len(values) - 1 - lowest
    if later < 3:
        return False
    wide = max(
        _mean_noise(values[max(0, lowest - 2) :], 3), *(_middle_noise(values, n) for n in (2, 3))
    )
    rise = float(values[-3:].mean() - values[max(0, lowest - 1) : lowest + 2].mean())
    enough = max(sure * wide * (2 / 3) ** 0.5 * (1 + 2 / later), least * abs(values[lowest]))
    return (rise > enough and _wins(values[lowest:]) >= 0.6) or _climbs(values, lowest, least)


def outliers(values: Numbers) -> list[int]:
    """Return the places of points that stick out far above their neighbours, and come back.

    A point sticks out that is above the median of its neighbours by a third of it, and by ten times
    the middle deviation: the long tails of losses of few examples do not reach that far.
    """
    if len(values) < 4 * _REACH:
        return []
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(values, _REACH, "reflect"), 2 * _REACH + 1
    )
    middle = np.median(around, axis=1)
    beyond = values - middle
    usual = 1.4826 * float(np.median(np.abs(beyond)))
    far = (beyond > 10 * usual) & (beyond > np.abs(middle) / 3)
    return [int(place) for place in np.flatnonzero(far) if place < len(values) - _REACH]


def lost_since(curve: Curve | None) -> int | None:
    """Return the step from which on a curve has no numbers to its end; None: it has one there."""
    if curve is None or not curve.values or curve.values[-1] is not None:
        return None
    there = [place for place, value in enumerate(curve.values) if value is not None]
    return curve.steps[there[-1] + 1 if there else 0]


def level(curve: Values) -> float:
    """Return where a curve stands: the mean of its last tenth, three points or more."""
    return float(curve.values[-max(3, len(curve) // 10) :].mean())


def gain(exams: Values) -> float:
    """Return by what share of its first value the loss of the exams has fallen at best."""
    return float(exams.values[0] - exams.values.min()) / max(abs(float(exams.values[0])), 1e-9)


def rises_since(curve: Values, step: int) -> bool:
    """Tell whether a curve ends above where it was around a step: beyond its noise, and by 3 %."""
    width = max(4, len(curve) // 10)
    at = int(np.searchsorted(curve.steps, step))
    around = float(curve.values[max(0, at - width // 2) : at + width // 2 + 1].mean())
    sure = 3 * (2 / width) ** 0.5 * noise(curve.values)
    return bool(float(curve.values[-width:].mean()) - around > max(sure, 3 * SMALL * abs(around)))


def all_worse(exams: Values) -> bool:
    """Tell whether three exams or more follow the best one, all of them worse by 3 %."""
    later, low = exams.values[exams.lowest + 1 :], float(exams.values[exams.lowest])
    return len(later) >= 3 and float(later.min()) - low > 3 * SMALL * abs(low)


def same_in_exams(exams: Values) -> bool:
    """Tell whether three exams or more are all alike, within a hundredth."""
    if len(exams) < 3:
        return False
    return float(np.ptp(exams.values)) <= SMALL * abs(float(exams.values[0]))


def flat_in_exams(exams: Values) -> int | None:
    """Return the step since which exams are no better than by a hundredth, three or more of them.

    A course that falls or rises beyond its noise is not flat, however little its last exams differ.
    """
    low = float(exams.values.min())
    place = int(np.argmax(exams.values <= low + SMALL * abs(low)))
    if len(exams) - 1 - place < 3:
        return None
    fell, error = fall(exams.values[place:])
    return None if abs(fell) - 2 * error > SMALL * abs(low) else int(exams.steps[place])


def flat_in_steps(learned: Values) -> int | None:
    """Return the step since which the loss of the examples surely falls by less than 3 %."""
    values = learned.values
    width = len(values) // 10
    if width < 4:
        return None
    course = np.convolve(values, np.full(width, 1 / width), mode="valid")
    low, error = float(course.min()), noise(values) / width**0.5
    place = int(np.argmax(course <= low + max(SMALL * abs(low), 2 * error)))
    rest = values[place:]
    if len(rest) < 0.4 * len(values):
        return None
    fell, error = fall(rest)
    small = 3 * SMALL * abs(low)
    return int(learned.steps[place]) if fell + 2 * error < small else None


def _climbs(values: Numbers, lowest: int, least: float) -> bool:
    """Tell whether each of three or more points stands above the one before, far above the noise.

    A run that stops early has only three exams after its best one: a bend and noise cannot be told
    apart by second differences of so few, so the noise is that of third ones alone.
    """
    wide = max(_mean_noise(values[max(0, lowest - 2) :], 3), _middle_noise(values, 3))
    enough = max(8 * wide, 2 * least * abs(values[lowest]))
    return bool((np.diff(values[lowest:]) > 0).all() and values[-1] - values[lowest] > enough)


def _wins(values: Numbers) -> float:
    """Return the share of pairs of points of which the later is higher."""
    later = np.triu(values[None, :] > values[:, None], 1)
    return float(later.sum()) / (len(values) * (len(values) - 1) / 2)


def _mean_noise(values: Numbers, order: int) -> float:
    if len(values) <= order:
        return 0.0
    return float(np.sqrt(np.mean(np.diff(values, order) ** 2)) / _WIDER[order])


def _middle_noise(values: Numbers, order: int) -> float:
    """The same from the middle difference, which a steep beginning does not widen."""
    if len(values) <= order:
        return 0.0
    return float(np.median(np.abs(np.diff(values, order))) / 0.6745 / _WIDER[order])
