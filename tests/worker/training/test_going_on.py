"""A run goes on after a pause, after memory ran out and with a longer course: as if undisturbed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from storage import artifacts, attempts, events, runs
from storage.errors import OutOfMemory, Refused, StudioError
from storage.ids import LOCAL_PERSON
from storage.runs import Run
from storage.status import RunStatus
from tests.fakes.judged_rows import pairs
from tests.fakes.training_home import Rows, TrainingHome, conversations
from worker.training import course, patience, trainer
from worker.training.patience import Exam

LONG: dict[str, Any] = {
    "max_steps": 8,
    "accumulation": 2,
    "dropout": 0.1,
    "eval_every": 2,
    "keep_checkpoints": 9,
}
"""More than one reading of the data, with chance and an exam in it."""

EXAMINED = [row | ({"split": "test"} if number < 3 else {}) for number, row in enumerate(pairs(13))]

METHODS: dict[str, tuple[dict[str, Any], Rows]] = {
    "row by row": ({"packing": False}, conversations(14)),
    "preferences": ({"method": "dpo", "max_length": 128}, EXAMINED),
}
"""Blocks that are filled with several examples are resumed in test_resume.py."""

AtStep = Callable[[int, Callable[[], None]], None]


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> AtStep:
    """Return what lets something happen in the middle of a step (the first time it is taken)."""
    original = course.Course.on_step_begin

    def plan(step: int, happen: Callable[[], None]) -> None:
        done: list[int] = []

        def on_step_begin(self: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
            original(self, args, state, control, **more)
            if state.global_step + 1 == step and not done:
                done.append(step)
                happen()

        monkeypatch.setattr(course.Course, "on_step_begin", on_step_begin)

    return plan


def result(home: TrainingHome, run: Run) -> tuple[str, dict[str, Any]]:
    """Return the hash of what a run has published, and its curves."""
    names = ("loss", "eval_loss", "learning_rate", "grad_norm")
    weights = home.adapter_folder(run.id) / "adapter_model.safetensors"
    return artifacts.sha256(weights), {name: home.curve(run.id, name) for name in names}


def trained(home: TrainingHome, model: Path, rows: Rows, **changes: Any) -> Run:
    """Return a run that nobody disturbed, finished."""
    home.queue(home.dataset(rows), home.base_model(model), **changes)
    return finish(home)


def finish(home: TrainingHome) -> Run:
    """Train the next run to its end."""
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED
    return attempts.end(home.database, run.id, run.attempt, outcome.status, outcome.words)


@pytest.mark.parametrize("method", METHODS)
def test_paused_and_resumed_it_ends_bit_for_bit_the_same(
    new_home: Callable[[], TrainingHome], llama: Path, at_step: AtStep, method: str
) -> None:
    settings, rows = METHODS[method]
    undisturbed, home = new_home(), new_home()
    expected = result(undisturbed, trained(undisturbed, llama, rows, **LONG, **settings))
    home.queue(home.dataset(rows), home.base_model(llama), **LONG, **settings)
    at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    paused, outcome = home.train()
    assert (outcome.status, paused.step) == (RunStatus.QUEUED, 3)
    attempts.release(home.database, paused.id, paused.attempt)
    assert result(home, finish(home)) == expected
    assert [one["resumed_step"] for one in runs.attempts(home.database, paused.id)] == [0, 3]


@pytest.mark.parametrize("method", ["row by row", "preferences"])
def test_extended_from_one_reading_to_two_it_equals_two_readings_bit_for_bit(
    new_home: Callable[[], TrainingHome], llama: Path, method: str
) -> None:
    settings, rows = METHODS[method]
    steady = {**LONG, **settings, "max_steps": None, "scheduler": "constant", "save_every": 2}
    undisturbed, home = new_home(), new_home()
    expected = result(undisturbed, trained(undisturbed, llama, rows, **steady, epochs=2))
    run = trained(home, llama, rows, **steady, epochs=1)
    first = home.adapter_folder(run.id)
    runs.extend(home.database, LOCAL_PERSON, run.id, epochs=2)
    longer = finish(home)
    weights, curves = result(home, longer)
    assert curves["eval_loss"].pop(3), "there is an exam at the end of the first course"
    assert (weights, curves) == expected
    assert longer.total_steps == 2 * run.total_steps == longer.step
    assert home.adapter_folder(run.id) != first
    [told] = events.of(home.database, run.id)
    assert told.kind == "extended"
    assert "after step 3: 2 readings" in told.words


def test_the_learning_rate_of_an_extended_run_is_that_of_the_longer_course(
    new_home: Callable[[], TrainingHome], llama: Path
) -> None:
    settings = {**LONG, "scheduler": "linear", "warmup_ratio": 0.0, "packing": False}
    rows = conversations(14)
    undisturbed, home = new_home(), new_home()
    whole = trained(undisturbed, llama, rows, **{**settings, "max_steps": 6})
    run = trained(home, llama, rows, **{**settings, "max_steps": 3})
    runs.extend(home.database, LOCAL_PERSON, run.id, max_steps=6)
    finish(home)
    expected, found = (
        place.curve(one.id, "learning_rate") for place, one in ((undisturbed, whole), (home, run))
    )
    assert {step: found[step] for step in (4, 5, 6)} == {step: expected[step] for step in (4, 5, 6)}


def test_what_is_no_longer_course_is_refused_in_words(home: TrainingHome, llama: Path) -> None:
    run = trained(home, llama, conversations(10), max_steps=2)
    with pytest.raises(Refused, match="Choose more than 2"):
        runs.extend(home.database, LOCAL_PERSON, run.id, max_steps=2)
    with pytest.raises(Refused, match="max_steps"):
        runs.extend(home.database, LOCAL_PERSON, run.id, max_steps=0)
    runs.extend(home.database, LOCAL_PERSON, run.id, max_steps=3)
    with pytest.raises(StudioError, match="only a finished one"):
        runs.extend(home.database, LOCAL_PERSON, run.id, max_steps=4)


def test_after_an_early_end_patience_begins_anew(home: TrainingHome, llama: Path) -> None:
    idle = {"learning_rate": 1e-12, "scheduler": "constant"}
    settings = {**LONG, **idle, "eval_every": 1, "early_stopping": 1, "max_steps": 20}
    run = trained(home, llama, conversations(14), **settings, packing=False)
    assert run.step < 20
    [told] = events.of(home.database, run.id)
    assert told.kind == "early_stop"
    assert told.words == f"It ends early: no better since step {run.best_step}, 1 exam."
    outcome = runs.attempts(home.database, run.id)[0]["outcome"]
    assert outcome == (
        f"Ended early after step {run.step}. "
        f"The adapter is the one of step {run.best_step}, which did best in the exams."
    )
    runs.extend(home.database, LOCAL_PERSON, run.id, max_steps=21)
    assert finish(home).step > run.step, "it has had no exam to become better in"


def test_only_exams_after_the_longer_course_was_asked_for_count_against_it() -> None:
    exams = [Exam(1, 3.0), Exam(2, 2.0), Exam(3, 2.5), Exam(4, 2.6), Exam(5, 2.7)]
    assert patience.is_exhausted(patience.counted(exams, 0), 3)
    assert not patience.is_exhausted(patience.counted(exams, 4), 2)
    assert patience.is_exhausted(patience.counted(exams, 3), 2)


class Hungry:
    """A device on which no more than so many examples fit, from a step on."""

    def __init__(self, most: int, since: int, fail: Callable[[], None]) -> None:
        self.most, self.since, self.fail = most, since, fail
        self.refused: list[int] = []

    def take(self, trainer_: Any, inputs: dict[str, Any]) -> None:
        there = trainer_.args.per_device_train_batch_size
        if trainer_.state.global_step + 1 >= self.since and there > self.most:
            self.refused.append(len(inputs["input_ids"]))
            self.fail()


def hungry(monkeypatch: pytest.MonkeyPatch, device: Hungry) -> None:
    original = trainer.RecipeTrainer.training_step

    def training_step(self: Any, model: Any, inputs: Any, *more: Any, **named: Any) -> Any:
        device.take(self, inputs)
        return original(self, model, inputs, *more, **named)

    monkeypatch.setattr(trainer.RecipeTrainer, "training_step", training_step)


def like_a_card() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def as_a_processor() -> None:
    torch.empty(1 << 60, dtype=torch.int8)  # more than there can be: torch's own error


def otherwise() -> None:
    raise RuntimeError("a shape does not fit")


@pytest.mark.parametrize("method", METHODS)
def test_after_memory_ran_out_it_goes_on_with_half_the_batch_and_learns_the_same(
    new_home: Callable[[], TrainingHome],
    llama: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
) -> None:
    settings, rows = METHODS[method]
    settings = {**LONG, **settings, "dropout": 0.0, "batch_size": 4, "accumulation": 1}
    undisturbed, home = new_home(), new_home()
    plain = trained(undisturbed, llama, rows, **settings)
    run = home.queue(home.dataset(rows), home.base_model(llama), **settings)
    fail = as_a_processor if method == "preferences" else like_a_card
    device = Hungry(most=1, since=4, fail=fail)
    hungry(monkeypatch, device)
    for batch in (2, 1):
        claimed = home.claim()
        with pytest.raises(OutOfMemory, match="ran out of memory"):
            home.train_claimed(claimed)
        attempts.out_of_memory(home.database, run.id, claimed.attempt, "The memory ran out.")
        told = events.of(home.database, run.id)[-1]
        assert (told.kind, told.details["batch_size"]) == ("out_of_memory", batch)
        assert "goes on from step 2" in told.words
    again = finish(home)
    assert device.refused, "the fault did not happen"
    assert again.halvings == 2
    assert again.total_steps == plain.total_steps
    assert (again.facts["read_at_once"], again.facts["times_before_correction"]) == (1, 4)
    for name in ("loss", "eval_loss"):
        expected, found = undisturbed.curve(plain.id, name), home.curve(run.id, name)
        assert found == pytest.approx(expected, rel=2e-4), name


def test_what_cannot_be_halved_fails_and_says_what_to_lower(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hungry(monkeypatch, Hungry(most=0, since=1, fail=like_a_card))
    run = home.queue(home.dataset(conversations(9)), home.base_model(llama), batch_size=3)
    claimed = home.claim()
    with pytest.raises(OutOfMemory):
        home.train_claimed(claimed)
    ended = attempts.out_of_memory(home.database, run.id, claimed.attempt, "The memory ran out.")
    assert (ended.status, ended.halvings) == (RunStatus.FAILED, 0)
    assert "reads 3 examples at once, which cannot be halved" in str(ended.hint)
    assert "Longest example" in str(ended.hint)


def test_another_error_of_the_libraries_stays_what_it_is(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hungry(monkeypatch, Hungry(most=0, since=1, fail=otherwise))
    home.queue(home.dataset(conversations(9)), home.base_model(llama))
    with pytest.raises(RuntimeError, match="a shape does not fit"):
        home.train()
