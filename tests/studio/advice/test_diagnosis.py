"""A run's curves are told in words: one made curve for each case, under all kinds of noise."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import specs
from storage.curves import Curve
from studio.advice import diagnosis
from studio.advice.curve_statistics import Numbers
from studio.advice.diagnosis import About, Diagnosis, Kind

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


RISING = np.array([2.0, 1.6, 1.45, 1.4, 1.44, 1.52, 1.63, 1.75, 1.86, 1.98])


# Overfitting.


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_that_learns_by_heart_is_told_so_with_the_step_and_what_to_try(seed: int) -> None:
    found = judged(noisy(falling(200, 3, 0.2), seed, 0.1), noisy(RISING, seed, 0.005))
    assert found.kind is Kind.OVERFITTING
    assert found.since in (60, 80, 100), "the exams are lowest at step 80"
    assert f"since step {found.since}" in found.words
    assert "the loss rose from 1." in found.words
    assert "by heart" in found.words
    readings, rate, *_ = found.changes
    assert readings.settings["epochs"] == round(4 * found.since / 200, 1)
    assert rate.settings == {"learning_rate": 1e-4}


def test_where_it_gets_worse_from_the_first_exam_on_the_first_is_the_best() -> None:
    found = judged(falling(100, 3, 0.1), np.array([1.0, 1.1, 1.25, 1.4, 1.5]))
    assert (found.kind, found.since) == (Kind.OVERFITTING, 20)


def test_while_it_learns_overfitting_is_said_as_soon_as_it_is_clear() -> None:
    kinds = [
        judged(falling(20 * n, 3, 0.2), RISING[:n], is_over=False, early_stopping=0).kind
        for n in range(4, 11)
    ]
    assert Kind.OVERFITTING not in kinds[:3], "two exams after the lowest prove nothing"
    assert kinds[-1] is Kind.OVERFITTING
    assert kinds == sorted(kinds, key=lambda kind: kind is Kind.OVERFITTING), "said and kept to"


@pytest.mark.parametrize("share", [0.002, 0.01, 0.05, 0.15])
def test_a_noisy_curve_that_improves_is_never_called_overfitting(share: float) -> None:
    """At no moment of 150 runs, each looked at after each of its 5 to 30 exams."""
    wrong = looks = 0
    for seed in range(150):
        count = 5 + seed % 26
        exams = noisy(falling(count), seed, share)
        loss = noisy(falling(count * 10), seed + 1000, 0.1)
        for seen in range(4, count + 1, 3):
            found = judged(loss[: 10 * seen], exams[:seen], is_over=seen == count)
            wrong += found.kind is Kind.OVERFITTING
            looks += 1
    assert looks > 500
    assert wrong == 0


@pytest.mark.parametrize("share", [0.005, 0.03, 0.1])
def test_a_flat_curve_of_exams_is_rarely_called_overfitting(share: float) -> None:
    wrong = sum(
        judged(falling(200), noisy(np.full(10, 2.0), seed, share)).kind is Kind.OVERFITTING
        for seed in range(200)
    )
    assert wrong <= 2


def test_without_exams_nothing_is_said_about_learning_by_heart_but_that_nobody_knows() -> None:
    found = judged(falling(200, 3, 0.01), eval_share=0.0)
    assert found.kind is Kind.FINISHED_WELL
    assert "nobody knows" in found.words
    assert found.changes[0].settings == {"eval_share": 0.1}


# What goes wrong in the steps.


@pytest.mark.parametrize("name", ["loss", "eval_loss"])
def test_a_loss_that_is_no_number_any_more_is_named_with_its_step(name: str) -> None:
    curves = {"loss": curve("loss", falling(50))}
    curves[name] = curve(name, [2.0, 1.9, 1.8, None, None], 10)
    found = diagnosis.of(curves, about(has_failed=True))
    assert (found.kind, found.since) == (Kind.NAN, 40)
    assert found.changes[0].settings == {"learning_rate": 2e-5}


def test_a_gradient_without_a_number_counts_only_where_it_ended_the_run() -> None:
    curves = {"loss": curve("loss", falling(50)), "grad_norm": curve("grad_norm", [1.0, None], 25)}
    assert diagnosis.of(curves, about(has_failed=True)).kind is Kind.NAN
    assert diagnosis.of(curves, about()).kind is not Kind.NAN, "float16 skips such steps by itself"


def test_a_loss_that_came_back_to_a_number_is_forgiven() -> None:
    loss: list[float | None] = list(falling(60))
    loss[20] = None
    assert judged(loss).kind is not Kind.NAN


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loss_that_climbs_is_diverging(seed: int) -> None:
    climbing = np.concatenate([falling(40), np.linspace(1.6, 6.0, 30)])
    found = judged(noisy(climbing, seed, 0.15), is_over=False)
    assert found.kind is Kind.DIVERGING
    assert 20 <= (found.since or 0) <= 50
    assert found.changes[0].settings == {"learning_rate": 5e-5}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_a_loss_that_trembles_and_falls_is_neither_diverging_nor_full_of_spikes(
    seed: int, share: float
) -> None:
    for count in (12, 30, 100, 400):
        found = judged(noisy(falling(count), seed, share), is_over=False)
        assert found.kind not in (Kind.DIVERGING, Kind.SPIKES, Kind.NAN)


@pytest.mark.parametrize("seed", SEEDS)
def test_losses_of_few_examples_have_long_tails_and_no_spikes(seed: int) -> None:
    tails = np.random.default_rng(seed).lognormal(0.0, 0.5, 300)
    assert judged(falling(300) * tails).kind is not Kind.SPIKES


@pytest.mark.parametrize("seed", SEEDS)
def test_single_steps_that_jump_up_and_come_back_are_spikes(seed: int) -> None:
    loss = noisy(falling(200), seed, 0.05)
    loss[[60, 120, 170]] *= 4
    found = judged(loss)
    assert (found.kind, found.since) == (Kind.SPIKES, 61)
    assert "3 times" in found.words
    assert found.changes[0].settings == {"learning_rate": 1e-4}


# What goes nowhere.


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("level", [2.5, 0.693])
def test_a_loss_that_stays_where_it_began_has_taught_nothing(seed: int, level: float) -> None:
    """The losses of preferences begin at ln 2."""
    loss = noisy(np.full(200, level), seed, 0.03)
    found = judged(loss, noisy(np.full(10, level), seed, 0.001), usual_rate=3e-3)
    assert found.kind is Kind.NOTHING_LEARNED
    assert found.changes[0].settings == {"learning_rate": 3e-3}


@pytest.mark.parametrize("seed", SEEDS)
def test_preferences_that_are_learned_from_ln_2_on_are_not_called_nothing(seed: int) -> None:
    loss = noisy(falling(200, 0.693, 0.45, 2), seed, 0.1)
    found = judged(loss, falling(10, 0.68, 0.5), is_over=False, method="dpo")
    assert found.kind is Kind.IMPROVING


def test_what_was_learned_at_once_counts_as_learned() -> None:
    loss = np.concatenate([np.linspace(3.0, 1.0, 5), np.full(395, 1.0)])
    assert judged(noisy(loss, 1, 0.02)).kind is not Kind.NOTHING_LEARNED


def test_with_noise_that_hides_a_change_nothing_is_claimed() -> None:
    loss = noisy(np.full(24, 2.0), 3, 0.4)
    assert judged(loss, is_over=False, total_steps=30).kind is Kind.TOO_EARLY


@pytest.mark.parametrize("seed", SEEDS)
def test_exams_that_stay_where_they_are_are_flat_since_then(seed: int) -> None:
    exams = np.array([2.0, 1.65, 1.55, *[1.48] * 7])
    found = judged(falling(200), noisy(exams, seed, 0.0015), is_over=False)
    assert (found.kind, found.since) == (Kind.FLAT, 80)
    assert "ends by itself" in found.words
    assert found.changes[0].settings == {"rank": 32, "alpha": 64.0}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_flat_loss_is_seen_without_exams_too(seed: int) -> None:
    loss = noisy(falling(300, 3, 1.5, 25), seed, 0.03)
    found = judged(loss, is_over=False, eval_share=0.0, total_steps=600)
    assert found.kind is Kind.FLAT
    assert 20 <= (found.since or 0) <= 150


@pytest.mark.parametrize("seed", SEEDS)
def test_exams_that_still_fall_are_not_flat(seed: int) -> None:
    exams = noisy(np.linspace(2.0, 1.6, 12), seed, 0.002)
    assert judged(falling(240), exams, is_over=False).kind is Kind.IMPROVING


# What goes well, and what cannot be said.


def test_a_run_that_has_settled_went_well() -> None:
    found = judged(falling(200), np.array([2.0, 1.7, 1.6, 1.55, 1.53, 1.515, 1.508, 1.505, 1.5]))
    assert found.kind is Kind.FINISHED_WELL
    assert "from 2 to 1.5" in found.words
    assert found.changes == []


def test_a_run_that_ended_while_it_fell_should_go_on_longer() -> None:
    found = judged(falling(200), np.linspace(2.0, 1.2, 10))
    assert found.kind is Kind.UNFINISHED
    assert found.changes[0].settings == {"epochs": 8.0}
    assert judged(falling(200), np.linspace(2.0, 1.2, 10), max_steps=200).changes[0].settings == {
        "max_steps": 400
    }
    stopped = judged(falling(200), np.linspace(2.0, 1.2, 10), is_cut=True)
    assert stopped.kind is Kind.FINISHED_WELL, "the person stopped it: that is no advice to repeat"


@pytest.mark.parametrize("count", range(diagnosis.FEW))
@pytest.mark.parametrize("over", [True, False])
def test_of_a_few_steps_nothing_is_said(count: int, over: bool) -> None:
    assert judged(list(falling(count)), is_over=over).kind is Kind.TOO_EARLY
    assert diagnosis.of({}, about(is_over=over)).kind is Kind.TOO_EARLY


def test_a_run_that_failed_is_not_praised() -> None:
    found = judged(falling(200), falling(10), has_failed=True)
    assert found.kind not in (Kind.FINISHED_WELL, Kind.UNFINISHED)


FINITE = st.floats(-1e6, 1e6)


@given(
    loss=st.lists(st.none() | FINITE, max_size=60),
    exams=st.lists(st.none() | FINITE, max_size=12),
    over=st.booleans(), failed=st.booleans(), total=st.integers(0, 1000),
    method=st.sampled_from(["sft", "dpo"]),
)  # fmt: skip
def test_any_curves_get_one_diagnosis_whose_changes_the_form_accepts(
    loss: list[float | None], exams: list[float | None], over: bool, failed: bool, total: int,
    method: str,
) -> None:  # fmt: skip
    run = about(is_over=over, has_failed=failed and over, total_steps=total, method=method)
    found = diagnosis.of(
        {"loss": curve("loss", loss), "eval_loss": curve("eval_loss", exams, 5)}, run
    )
    assert found.words.endswith(".")
    for change in found.changes:
        specs.parse({**run.spec.model_dump(), **change.settings})
