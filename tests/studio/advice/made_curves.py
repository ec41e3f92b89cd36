"""Curves made for each case that a diagnosis tells of, and what is said of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage import specs
from storage.curves import Curve
from studio.advice import diagnosis
from studio.advice.curve_statistics import Numbers
from studio.advice.diagnosis import About, Diagnosis

PLACES = {"name": "Try", "dataset_id": "data_1", "base_model_id": "model_1"}

SEEDS = range(20)


def about(**changes: Any) -> About:
    """Return a run of 200 steps in four readings, that has ended."""
    told = {name: changes.pop(name) for name in list(changes) if name in About.__annotations__}
    settings = {"epochs": 4.0, "learning_rate": 2e-4, **changes}
    return About(
        specs.parse({**PLACES, **settings}), **{"total_steps": 200, "is_over": True, **told}
    )


def curve(name: str, values: Sequence[float | None] | Numbers, every: int = 1) -> Curve:
    """Return a curve with a point after every so many steps."""
    return Curve(name, [every * n for n in range(1, len(values) + 1)], list(values))


def judged(
    loss: Numbers | list[float | None], exams: Numbers | list[float] | None = None, **changes: Any
) -> Diagnosis:
    """Return what a loss of every step and evenly spread exams say."""
    curves = {"loss": curve("loss", loss)}
    if exams is not None:
        curves["eval_loss"] = curve("eval_loss", exams, len(loss) // len(exams))
    return diagnosis.of(curves, about(**changes))


def falling(count: int, first: float = 3.0, last: float = 1.5, pace: float = 4.0) -> Numbers:
    """Return a loss that falls quickly at first, as losses do."""
    return last + (first - last) * np.exp(-pace * np.arange(count) / count)


def noisy(values: Numbers, seed: int, share: float) -> Numbers:
    """Return a curve with noise of a share of its level."""
    return values * (1 + share * np.random.default_rng(seed).standard_normal(len(values)))
