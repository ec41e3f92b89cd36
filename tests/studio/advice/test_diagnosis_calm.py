"""A curve that goes nowhere or well is told in words, and any curves get one diagnosis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import specs
from studio.advice import diagnosis
from studio.advice.diagnosis import Kind
from tests.studio.advice.made_curves import SEEDS, about, curve, falling, judged, noisy

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
def test_exams_that_are_all_alike_tell_of_nothing_learned_where_losses_tremble(seed: int) -> None:
    """Losses of few examples differ by more than a run of few steps would show."""
    loss = noisy(np.full(40, 12.4), seed, 0.1)
    found = judged(loss, np.array([12.36, 12.37, 12.36, 12.36]), usual_rate=3e-3, is_cut=True)
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
