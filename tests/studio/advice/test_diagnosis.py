"""A curve that goes wrong is told in words: one made curve for each case, under all noise."""

import numpy as np
import pytest

from studio.advice import diagnosis
from studio.advice.curve_statistics import Numbers
from studio.advice.diagnosis import Kind
from tests.studio.advice.made_curves import SEEDS, about, curve, falling, judged, noisy

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


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exams", [RISING[:7], np.array([2.4, 2.12, 2.27, 2.68, 3.1])])
def test_a_run_that_stopped_early_has_three_worse_exams_and_that_is_enough(
    exams: Numbers, seed: int
) -> None:
    best = 20 * (int(np.argmin(exams)) + 1)
    found = judged(falling(20 * len(exams), 3, 0.2), noisy(exams, seed, 0.002), is_cut=True)
    assert (found.kind, found.since) == (Kind.OVERFITTING, best)
    assert f"What you get is the state of step {best}." in found.words


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "exams", [np.array([9.6, 8.9, 8.47, 8.6, 8.95, 9.4]), np.array([9.2, 8.7, 8.47, 8.9, 9.1, 9.0])]
)
def test_where_the_examples_get_worse_too_it_goes_astray_and_learns_nothing_by_heart(
    exams: Numbers, seed: int
) -> None:
    """As of a run with a learning rate of a half."""
    loss = np.interp(np.arange(60), [0, 10, 30, 59], [12.1, 9.5, 8.4, 10.0])
    found = judged(noisy(loss, seed, 0.04), exams, is_cut=True)
    assert found.kind is Kind.DIVERGING
    assert 20 <= (found.since or 0) <= 40
    assert found.changes[0].settings == {"learning_rate": 5e-5}


def test_a_run_whose_last_three_exams_are_worse_is_not_praised_whatever_the_reason() -> None:
    loss = noisy(np.interp(np.arange(60), [0, 10, 30, 59], [12.1, 9.5, 8.8, 9.4]), 1, 0.1)
    found = judged(loss, np.array([9.2, 8.69, 8.47, 8.93, 9.06, 9.08]), is_cut=True)
    assert (found.kind, found.since) == (Kind.DIVERGING, 30)
    assert "After step 30 it got worse" in found.words
    assert found.changes[0].settings == {"learning_rate": 1e-4}


def test_exams_that_may_get_worse_are_neither_flat_nor_surely_learning_by_heart() -> None:
    exams = np.array([2.4, 2.0, 1.8, 1.84, 1.85, 1.9])
    found = judged(falling(120), exams, is_cut=True)
    assert found.kind is Kind.FINISHED_WELL
    assert "to 1.8, at step 60. No later exam was better." in found.words


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
