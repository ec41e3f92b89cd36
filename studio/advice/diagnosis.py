"""What a run's curves say, in words, since which step, and what to change: pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from storage.curves import Curve
from storage.specs import RunSpec
from studio.advice import cures
from studio.advice import curve_statistics as statistics
from studio.advice.cures import Change
from studio.advice.curve_statistics import SMALL, Values

FEW = 8
"""Of fewer steps nothing is said."""

_LATE = 0.6
"""A curve that no longer changes after this share of a run has done what it should."""


class Kind(StrEnum):
    """What a run's curves look like."""

    TOO_EARLY = "too_early"
    NAN = "nan"
    DIVERGING = "diverging"
    OVERFITTING = "overfitting"
    SPIKES = "spikes"
    NOTHING_LEARNED = "nothing_learned"
    FLAT = "flat"
    IMPROVING = "improving"
    UNFINISHED = "unfinished"
    FINISHED_WELL = "finished_well"


@dataclass(frozen=True)
class About:
    """What there is to know of a run beside its curves.

    Attributes:
        spec: its settings.
        total_steps: as planned; 0: not known yet.
        is_over: it takes no more steps.
        has_failed: an error ended it.
        is_cut: it ended before its last step, because somebody or early stopping ended it.
        usual_rate: the learning rate that its preset would give; None: not known.
    """

    spec: RunSpec
    total_steps: int = 0
    is_over: bool = False
    has_failed: bool = False
    is_cut: bool = False
    usual_rate: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What the curves say; `since`: the step from which on, None where there is none."""

    kind: Kind
    words: str
    since: int | None = None
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True)
class _Seen:
    """The curves of a run: the loss of what it learns from, and of its exams."""

    curves: Mapping[str, Curve]
    learned: Values
    exams: Values
    about: About


def of(curves: Mapping[str, Curve], about: About) -> Diagnosis:
    """Return what a run's curves say: `loss`, `eval_loss` and `grad_norm`, by name.

    Whatever is claimed has to stand out of the noise of the very curve, so that a curve which only
    trembles is called too early to judge, or flat, rather than anything worse.
    """
    learned, exams = (statistics.finite(curves.get(name)) for name in ("loss", "eval_loss"))
    seen = _Seen(curves, learned, exams, about)
    for rule in _RULES:
        found = rule(seen)
        if found is not None:
            return found
    return _finished_well(seen) if about.is_over else _unclear(seen)


# The rules, the gravest first.


def _nan(seen: _Seen) -> Diagnosis | None:
    watched = ("loss", "eval_loss", "grad_norm") if seen.about.has_failed else ("loss", "eval_loss")
    for name in watched:
        since = statistics.lost_since(seen.curves.get(name))
        if since is not None:
            what = "gradient" if name == "grad_norm" else "loss"
            words = f"At step {since:,} the {what} was no number any more: the corrections were"
            words += " too large."
            return Diagnosis(Kind.NAN, words, since, [cures.slower(seen.about.spec, 10)])
    return None


def _too_early(seen: _Seen) -> Diagnosis | None:
    count = len(seen.learned)
    if count >= FEW:
        return None
    if seen.about.is_over:
        return Diagnosis(Kind.TOO_EARLY, f"It took too few steps to judge: {count}.")
    return Diagnosis(Kind.TOO_EARLY, "It is too early to say how it goes.")


def _diverging(seen: _Seen) -> Diagnosis | None:
    values, spec = seen.learned.values, seen.about.spec
    width = max(4, len(values) // 10)
    if len(values) < 3 * width:
        return None
    course = np.convolve(values, np.full(width, 1 / width), mode="valid")
    lowest = int(np.argmin(course))
    if len(course) - 1 - lowest < width:
        return None
    rise, before = float(course[-1] - course[lowest]), float(course[0] - course[lowest])
    sure = 6 * (2 / width) ** 0.5 * statistics.noise(values[: lowest + width])
    enough = max(sure, 0.1 * abs(float(course[lowest])), 0.25 * before)
    if rise <= enough or np.median(values[-width:]) - course[lowest] <= enough / 2:
        return None
    since = int(seen.learned.steps[lowest + width - 1])
    words = f"It goes astray since step {since:,}: the loss rose from {_n(course[lowest])} to "
    words += f"{_n(course[-1])} instead of falling. The corrections are too large."
    return Diagnosis(Kind.DIVERGING, words, since, [cures.slower(spec, 4), *cures.gentler(spec)])


def _overfitting(seen: _Seen) -> Diagnosis | None:
    exams, about = seen.exams, seen.about
    if len(exams) < 4:
        return None
    since = int(exams.steps[exams.lowest])
    astray = statistics.rises_since(seen.learned, since)
    if not statistics.has_risen(exams.values) and not (astray and statistics.all_worse(exams)):
        return None
    rose = f"in the exams the loss rose from {_n(exams.values[exams.lowest])} to "
    rose += f"{_n(exams.values[-1])}"
    if astray:
        words = f"It goes astray since step {since:,}: {rose}, and on the examples that it learns "
        words += f"from it rose too. The corrections are too large.{_kept(since, about)}"
        return Diagnosis(Kind.DIVERGING, words, since, [cures.slower(about.spec, 4)])
    words = f"Overfitting since step {since:,}: {rose}, while on the examples that it learns from "
    words += f"it is {_n(statistics.level(seen.learned))}. It learns them by heart."
    words += _kept(since, about)
    changes = [*cures.until(about.spec, since, about.total_steps), cures.slower(about.spec, 2)]
    return Diagnosis(Kind.OVERFITTING, words, since, [*changes, *cures.forgetful(about.spec)])


def _spikes(seen: _Seen) -> Diagnosis | None:
    places = statistics.outliers(seen.learned.values)
    if len(places) < 2 or places[-1] < len(seen.learned) // 2:
        return None
    steps = [int(seen.learned.steps[place]) for place in places]
    highest = float(seen.learned.values[places].max())
    words = f"The loss jumps up and comes back, {len(steps)} times since step {steps[0]:,}, as far "
    words += f"as {_n(highest)} where it is {_n(statistics.level(seen.learned))} otherwise."
    spec = seen.about.spec
    return Diagnosis(Kind.SPIKES, words, steps[0], [cures.slower(spec, 2), *cures.gentler(spec)])


def _nothing_learned(seen: _Seen) -> Diagnosis | None:
    values, about = seen.learned.values, seen.about
    if len(values) < 20 or not (about.is_over or seen.learned.steps[-1] > about.total_steps / 2):
        return None
    middle = float(np.median(values))
    fell, error = statistics.fall(values)
    began = float(values[:3].mean()) - middle
    at_most = 3 * SMALL * abs(middle)
    stays = fell + 2 * error <= at_most
    if statistics.same_in_exams(seen.exams):  # they are the same rows each time: far less noise
        stays = fell - 2 * error <= at_most
    if not stays or began > at_most + 2 * statistics.noise(values):
        return None
    if len(seen.exams) > 1 and statistics.gain(seen.exams) > SMALL:
        return None
    words = "Nothing was learned: " if about.is_over else "Nothing was learned so far: "
    words += f"the loss is {_n(middle)}, as it was at the beginning."
    return Diagnosis(Kind.NOTHING_LEARNED, words, None, cures.faster(about.spec, about.usual_rate))


def _unfinished(seen: _Seen) -> Diagnosis | None:
    exams, about = seen.exams, seen.about
    if not about.is_over or about.is_cut or about.has_failed or len(exams) < 4:
        return None
    recent = exams.values[-max(2, len(exams) // 4) - 1 :]
    gained = float(recent[0] - recent[-1])
    sure = max(2 * SMALL * abs(float(recent[-1])), 3 * statistics.noise(exams.values[-6:]))
    if exams.lowest != len(exams) - 1 or gained < sure:
        return None
    words = "It was still getting better when it ended: in the exams the loss fell to "
    words += f"{_n(recent[-1])}. Longer learning will help."
    return Diagnosis(Kind.UNFINISHED, words, None, [cures.longer(about.spec)])


def _flat(seen: _Seen) -> Diagnosis | None:
    since = (
        statistics.flat_in_exams(seen.exams)
        if len(seen.exams) >= 4
        else statistics.flat_in_steps(seen.learned)
    )
    if since is None or _is_late(since, seen):
        return None
    about = seen.about
    where = "in the exams" if len(seen.exams) >= 4 else "on what it learns from"
    stays = seen.exams.values.min() if len(seen.exams) >= 4 else statistics.level(seen.learned)
    words = f"Since step {since:,} hardly anything changes: {where} the loss stays about "
    words += f"{_n(stays)}. More examples, or others, help most now."
    if about.spec.early_stopping and not about.is_over and len(seen.exams) >= 4:
        words += " If that goes on, the run ends by itself."
    return Diagnosis(Kind.FLAT, words, since, cures.roomier(about.spec))


def _improving(seen: _Seen) -> Diagnosis | None:
    if seen.about.is_over:
        return None
    if len(seen.exams) > 1 and statistics.gain(seen.exams) > SMALL:
        first, best = seen.exams.values[0], seen.exams.values.min()
        words = f"It is getting better: in the exams the loss fell from {_n(first)} to {_n(best)}."
        words += _since_best(seen.exams)
        return Diagnosis(Kind.IMPROVING, words)
    values = seen.learned.values
    fell, error = statistics.fall(values)
    if fell < max(3 * error, SMALL * abs(float(values.mean()))):
        return None
    words = f"It learns: the loss fell to {_n(statistics.level(seen.learned))}."
    words += "" if seen.about.spec.eval_share else " Without an exam nobody knows what by heart."
    return Diagnosis(Kind.IMPROVING, words)


_RULES = (
    _nan, _too_early, _diverging, _overfitting, _spikes, _nothing_learned, _unfinished, _flat,
    _improving,
)  # fmt: skip


# Where no rule holds.


def _finished_well(seen: _Seen) -> Diagnosis:
    about, exams = seen.about, seen.exams
    if about.has_failed:
        return Diagnosis(Kind.TOO_EARLY, "Until it ended, nothing was wrong with its curve.")
    if len(exams) < 2:
        words = (
            f"The loss on what it learned from is {_n(statistics.level(seen.learned))} in the end. "
        )
        words += "Without exams nobody knows how much of that is learned by heart."
        return Diagnosis(Kind.FINISHED_WELL, words, None, cures.examined(about.spec))
    best = int(exams.steps[exams.lowest])
    words = f"It went well: in the exams the loss fell from {_n(exams.values[0])} to "
    words += f"{_n(exams.values[exams.lowest])}, at step {best:,}.{_since_best(exams)}"
    if statistics.gain(exams) <= 0:
        words = f"In the exams the loss is {_n(exams.values[-1])}; it did not get better than at "
        words += f"step {best:,}, the first."
        return Diagnosis(Kind.FLAT, words, best, [cures.slower(about.spec, 2)])
    if statistics.all_worse(exams):
        words = f"After step {best:,} it got worse: in the exams the loss was "
        words += f"{_n(exams.values[exams.lowest])}, and is {_n(exams.values[-1])} in the end."
        words += f" The corrections may be too large.{_kept(best, about)}"
        return Diagnosis(Kind.DIVERGING, words, best, [cures.slower(about.spec, 2)])
    return Diagnosis(Kind.FINISHED_WELL, words)


def _unclear(seen: _Seen) -> Diagnosis:
    level = _n(statistics.level(seen.learned))
    words = f"It is too early to say how it goes: the loss, about {level}, trembles more than it"
    return Diagnosis(Kind.TOO_EARLY, f"{words} falls.")


# What the rules ask.


def _is_late(since: int, seen: _Seen) -> bool:
    return seen.about.is_over and since >= _LATE * float(seen.learned.steps[-1])


def _kept(step: int, about: About) -> str:
    return f" What you get is the state of step {step:,}." if about.is_over else ""


def _since_best(exams: Values) -> str:
    return "" if exams.lowest == len(exams) - 1 else " No later exam was better."


def _n(value: float) -> str:
    """Return a loss with the digits that matter."""
    return f"{float(value):.3g}"
