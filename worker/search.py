"""Which values a sweep tries next, and which trial is not worth going on with: asked of Optuna.

The study is made anew from our own database for every question, so that a worker that dies takes
nothing with it, and two workers get the same answer. Loaded only where a sweep goes on.
"""

import math
import statistics
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from storage import spaces
from storage.spaces import Choices, Range, Space
from storage.specs import RunSpec
from storage.sweeps import Sweep
from storage.trials import Trial
from storage.trials import TrialState as State

optuna.logging.set_verbosity(optuna.logging.WARNING)

TENTHS = 10
"""Trials of different lengths are compared at the same tenth of their course."""

WARM_UP_TENTHS = 3
"""No trial is ended before: the first corrections tell little."""

_ENDS = {State.COMPLETE: TrialState.COMPLETE, State.PRUNED: TrialState.PRUNED}
"""What counts for Optuna, by what a trial is for us; all else has failed, and tells nothing."""

_TRIES = 20
_LONGEST_NAME = 120


def next_values(sweep: Sweep, done: list[Trial]) -> dict[str, Any]:
    """Return the values of the next trial; the first one is what the person has set already.

    Values that were tried are not tried again while a space of finitely many has others left.
    """
    space = sweep.dimensions
    usual = spaces.values_of(space, sweep.spec)
    if not done and spaces.holds(space, usual):
        return usual
    tried = [spaces.values_of(space, trial.run.spec) for trial in done]
    for attempt in range(_TRIES):
        values = _asked(sweep, space, done, attempt)
        if values not in tried:
            return values
    return _untried(space, tried) or values


def spec_of(sweep: Sweep, values: dict[str, Any], number: int) -> RunSpec:
    """Return what the trial of that number does. Raises Refused."""
    tail = f" trial {number}"
    name = sweep.name[: _LONGEST_NAME - len(tail)] + tail
    return spaces.applied(sweep.spec, values).model_copy(update={"name": name})


def verdict(sweep: Sweep, done: list[Trial], trial: Trial) -> tuple[float, float] | None:
    """Tell whether a running trial is to be ended: its best loss, and the median of the others.

    None: it goes on. The others count by their best loss up to the same tenth of their course.
    """
    space = sweep.dimensions
    seen = _by_tenth(trial)
    if not seen:
        return None
    study = _study(space, done, 0, sweep)
    values = spaces.values_of(space, trial.run.spec)
    if not spaces.holds(space, values):
        return None
    under_way = optuna.trial.create_trial(
        state=TrialState.RUNNING,
        params=values,
        distributions=_distributions(space),
        intermediate_values=seen,
    )
    if not study.pruner.prune(study, under_way):
        return None
    others = [_by_tenth(other).get(max(seen)) for other in done if other.state is State.COMPLETE]
    return min(seen.values()), statistics.median(loss for loss in others if loss is not None)


def _asked(sweep: Sweep, space: Space, done: list[Trial], attempt: int) -> dict[str, Any]:
    """Return what the sampler proposes, in figures that a person can read."""
    seed = (sweep.seed * 10_007 + len(done) * 101 + attempt) % 2**32
    asked = _study(space, done, seed, sweep).ask(_distributions(space))
    return {name: _rounded(space[name], value) for name, value in asked.params.items()}


def _study(space: Space, done: list[Trial], seed: int, sweep: Sweep) -> optuna.Study:
    """Return a study that knows the ended trials."""
    warm_up = max(3, min(10, sweep.trials // 3))
    study = optuna.create_study(
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=warm_up),
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=max(2, min(5, sweep.trials // 4)), n_warmup_steps=WARM_UP_TENTHS
        ),
    )
    study.add_trials([known for trial in done if (known := _known(space, trial)) is not None])
    return study


def _known(space: Space, trial: Trial) -> FrozenTrial | None:
    """Return an ended trial as Optuna knows it; None for one that says nothing about the space.

    A run that was extended may lie outside of it.
    """
    values = spaces.values_of(space, trial.run.spec)
    if trial.is_under_way or not spaces.holds(space, values):
        return None
    state = _ENDS.get(trial.state, TrialState.FAIL)
    best = trial.best
    return optuna.trial.create_trial(
        state=state,
        value=best[1] if best and state is TrialState.COMPLETE else None,
        params=values,
        distributions=_distributions(space),
        intermediate_values=_by_tenth(trial),
    )


def _by_tenth(trial: Trial) -> dict[int, float]:
    """Return the best loss up to each tenth of a trial's course, from its first exam on.

    One that has ended by itself is what it is from there on.
    """
    total = trial.run.total_steps
    found: dict[int, float] = {}
    best = math.inf
    for step, loss in trial.exams:
        best = min(best, math.inf if loss is None else loss)
        if total and math.isfinite(best):
            found[max(1, min(TENTHS, TENTHS * step // total))] = best
    if not found:
        return {}
    until = TENTHS if trial.state is State.COMPLETE else max(found)
    for tenth in range(min(found), until + 1):
        found.setdefault(tenth, found.get(tenth - 1, best))
    return found


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    return {name: _distribution(dimension) for name, dimension in space.items()}


def _distribution(dimension: Range | Choices) -> BaseDistribution:
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    if isinstance(dimension.low, int):
        step = 1 if dimension.step is None else int(dimension.step)
        return IntDistribution(dimension.low, int(dimension.high), dimension.log, step)
    return FloatDistribution(dimension.low, dimension.high, dimension.log, dimension.step)


def _rounded(dimension: Range | Choices, value: Any) -> Any:
    """Return a number of a fluid range with three figures, within the range."""
    if isinstance(dimension, Choices) or isinstance(value, int):
        return value
    if dimension.step is not None:
        return float(f"{value:.12g}")
    return min(max(float(f"{value:.3g}"), dimension.low), dimension.high)


def _untried(space: Space, tried: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the first values of a finite space that no trial has had; None where none is left."""
    if math.isinf(spaces.count(space)):
        return None
    return next((values for values in spaces.every(space) if values not in tried), None)
