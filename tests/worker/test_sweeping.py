"""Sweeps as the worker moves them on, over made landscapes: runs end with the losses of a formula.

Only the training is made up; runs, exams, events and Optuna are the real ones.
"""

import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from storage import attempts, events, metrics, owned, queue, runs, spaces, sweeps, trials, work
from storage.database import Database
from storage.ids import LOCAL_PERSON
from storage.metrics import Point
from storage.runs import Run
from storage.shipped import PROJECT
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from storage.sweeps import Sweep, SweepStatus, Wanted
from storage.tables import BaseModelRow, DatasetRow
from storage.trials import Trial, TrialState
from worker import search, sweeping

SPEEDS = {"learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}}
EXAMS = 5
LOOK = "import sys; from storage.database import Database; from worker import sweeping;"


def _be_quick(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


class Bench:
    """A database with a sweep in it, and runs that train in no time."""

    def __init__(self, home: Any) -> None:
        self.database: Database = home.database
        self.database.close()  # no story here pulls the plug: commits need not wait for the disk
        event.listen(self.database.engine, "connect", _be_quick)
        self.ids = {"dataset_id": home.dataset(), "base_model_id": home.base_model()}
        for table in (DatasetRow, BaseModelRow):
            while row := work.claim(self.database, table, "test", 30):
                work.finish(self.database, table, (row.id, row.attempt))

    def sweep(self, space: dict[str, Any], count: int, seed: int = 1, **spec: Any) -> Sweep:
        """Begin a sweep."""
        wanted = Wanted("Try", RunSpec(**self.ids, **spec), spaces.parse(space), count, seed)
        return sweeps.add(self.database, LOCAL_PERSON, wanted)

    def now(self, sweep: Sweep) -> Sweep:
        """Return the sweep as it is now."""
        return sweeps.get(self.database, LOCAL_PERSON, sweep.id)

    def trials(self, sweep: Sweep) -> list[Trial]:
        """Return its trials as they are now."""
        return trials.of(self.database, sweep.id)

    def begin(self) -> Run | None:
        """Let a worker look, and begin the run that is next."""
        sweeping.advance(self.database)
        run = attempts.claim(self.database, "test", 30)
        if run is not None:
            attempts.begin(self.database, run.id, run.attempt)
        return run

    def exam(self, run: Run, number: int, loss: float) -> StopRequest | None:
        """Report an exam; the worker looks; returns what the run hears of it."""
        point = [Point("eval_loss", number, loss)]
        told = {"step": number, "total_steps": EXAMS}
        metrics.report(self.database, run.id, run.attempt, point, **told)
        sweeping.advance(self.database)
        return attempts.heartbeat(self.database, run.id, run.attempt, 30)

    def end(self, run: Run, status: RunStatus, words: str = "") -> None:
        """End a run."""
        attempts.end(self.database, run.id, run.attempt, status, words)

    def train(self, run: Run, landscape: Callable[[RunSpec], float]) -> None:
        """Train a run to its end, or until it is asked to stop."""
        for number in range(1, EXAMS + 1):
            if self.exam(run, number, landscape(run.spec) + 1 / number) is not None:
                return self.end(run, RunStatus.STOPPED)
        return self.end(run, RunStatus.FINISHED)

    def chosen(self, sweep: Sweep, rate: float) -> Run:
        """Begin a trial with a learning rate that the test chooses."""
        number = len(self.trials(sweep)) + 1
        spec = spaces.applied(sweep.spec, {"learning_rate": rate})
        assert trials.add(self.database, sweep, number, spec)
        run = self.begin()
        assert run
        return run

    def all(self, sweep: Sweep, landscape: Callable[[RunSpec], float]) -> list[Trial]:
        """Let a whole sweep happen."""
        while run := self.begin():
            self.train(run, landscape)
        return self.trials(sweep)


@pytest.fixture
def bench(home: Any) -> Bench:
    """A bench with data and a base model that are ready."""
    return Bench(home)


def valley(spec: RunSpec) -> float:
    """Return a loss that is least at a learning rate of 0.01."""
    return (math.log10(spec.learning_rate) + 2) ** 2


def tried(found: list[Trial]) -> list[float]:
    """Return the learning rates in their order."""
    return [trial.run.spec.learning_rate for trial in found]


def test_trials_are_ordinary_runs_one_at_a_time_and_the_first_is_what_was_set(
    bench: Bench,
) -> None:
    sweep = bench.sweep(SPEEDS, 3, learning_rate=3e-4)
    sweeping.advance(bench.database)
    sweeping.advance(bench.database)
    [first] = bench.trials(sweep)
    assert (first.run.name, first.run.sweep_id, first.run.trial) == ("Try trial 1", sweep.id, 1)
    assert first.run.spec.learning_rate == 3e-4
    assert [run.id for run in runs.all_of(bench.database, LOCAL_PERSON)] == [first.run.id]
    found = bench.all(sweep, valley)
    assert [trial.number for trial in found] == [1, 2, 3]
    assert [trial.run.name for trial in found] == [f"Try trial {n}" for n in (1, 2, 3)]
    ended = bench.now(sweep)
    assert (ended.status, ended.words) == (SweepStatus.FINISHED, "All 3 trials have ended.")


def test_the_search_finds_the_better_region(bench: Bench) -> None:
    sweep = bench.sweep(SPEEDS, 18, learning_rate=1e-5)
    found = bench.all(sweep, valley)
    assert len(found) == 18
    away = [abs(math.log10(rate) + 2) for rate in tried(found)]
    assert min(away) < 0.2
    late = sum(far < 1 for far in away[9:])
    assert late >= 7, "half of them by chance; the search goes where it is good"
    assert late > sum(far < 1 for far in away[:9])


def test_a_bad_trial_is_ended_early_and_says_so_on_its_page(bench: Bench) -> None:
    sweep = bench.sweep(SPEEDS, 3)
    for rate in (1e-2, 1.1e-2, 1e-5):
        bench.train(bench.chosen(sweep, rate), valley)
    *good, bad = bench.trials(sweep)
    assert [trial.state for trial in good] == [TrialState.COMPLETE] * 2
    assert (bad.state, bad.run.status) == (TrialState.PRUNED, RunStatus.STOPPED)
    assert len(bad.exams) == 2, "nobody is judged before three tenths of the course"
    [told] = events.of(bench.database, bad.run.id)
    assert (told.kind, told.words) == (trials.PRUNED, bad.words)
    assert told.details
    assert told.details["loss"] == pytest.approx(9.5)
    assert told.details["median"] == pytest.approx(0.5, abs=0.01)


def test_trials_of_different_lengths_are_compared_at_the_same_share_of_their_course(
    bench: Bench,
) -> None:
    sweep = bench.sweep(SPEEDS, 4)
    for _ in range(2):
        run = bench.begin()
        assert run
        bench.train(run, lambda spec: 1.0)
    run = bench.begin()
    assert run
    for step in (100, 200, 300):
        point = [Point("eval_loss", step, 1.2)]
        told = {"step": step, "total_steps": 2000}
        metrics.report(bench.database, run.id, run.attempt, point, **told)
        sweeping.advance(bench.database)
    [_, _, young] = bench.trials(sweep)
    assert young.run.stop_request is None, "300 of 2000 steps: the others were at 2.0 by then"
    points = [Point("eval_loss", 1000, 1.4), Point("eval_loss", 1100, 1.3)]
    metrics.report(bench.database, run.id, run.attempt, points, step=1100, total_steps=2000)
    sweeping.advance(bench.database)
    assert bench.trials(sweep)[-1].run.stop_request is None, "its best is no worse than theirs"


def test_a_pruned_trial_that_a_person_lets_go_on_is_left_alone(bench: Bench) -> None:
    sweep = bench.sweep(SPEEDS, 3)
    for rate in (1e-2, 1.1e-2, 1e-5):
        bench.train(bench.chosen(sweep, rate), valley)
    pruned = bench.trials(sweep)[-1]
    assert pruned.state is TrialState.PRUNED
    runs.resume(bench.database, LOCAL_PERSON, pruned.run.id)
    run = bench.begin()
    assert run
    assert bench.exam(run, 4, 99.0) is None
    bench.end(run, RunStatus.FINISHED)
    assert bench.trials(sweep)[-1].state is TrialState.COMPLETE


def test_a_fresh_process_goes_on_with_the_very_same_trial(bench: Bench, home: Any) -> None:
    sweep = bench.sweep(SPEEDS, 6)
    for _ in range(4):
        run = bench.begin()
        assert run
        bench.train(run, valley)
    known = bench.trials(sweep)
    expected = search.next_values(bench.now(sweep), known)
    look = LOOK + "sweeping.advance(Database(sys.argv[1])); assert 'optuna' in sys.modules"
    called = [sys.executable, "-c", look, home.settings.database]
    subprocess.run(called, check=True, cwd=PROJECT, timeout=60)
    assert len(bench.trials(sweep)) == 5
    assert tried(bench.trials(sweep))[-1] == expected["learning_rate"]
    assert expected["learning_rate"] not in tried(known)


def test_two_workers_at_once_add_each_trial_once(bench: Bench, home: Any) -> None:
    sweep = bench.sweep(SPEEDS, 5)
    workers = [Database(home.settings.database) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for number in range(1, 6):
            for looked in [pool.submit(sweeping.advance, worker) for worker in workers]:
                looked.result()
            assert [trial.number for trial in bench.trials(sweep)] == list(range(1, number + 1))
            run = attempts.claim(bench.database, "test", 30)
            assert run
            attempts.begin(bench.database, run.id, run.attempt)
            bench.exam(run, EXAMS, 1.0)
            bench.end(run, RunStatus.FINISHED)
            with bench.database.read() as session:
                waiting = list(session.scalars(queue.ready()))
            assert len(waiting) == 0
    for worker in workers:
        worker.close()
    sweeping.advance(bench.database)
    assert bench.now(sweep).status is SweepStatus.FINISHED


def test_a_failed_trial_is_one_and_the_sweep_goes_on(bench: Bench) -> None:
    sweep = bench.sweep(SPEEDS, 3)
    run = bench.begin()
    assert run
    bench.end(run, RunStatus.FAILED, "Out of memory.")
    found = bench.all(sweep, valley)
    assert found[0].state is TrialState.FAILED
    assert len(found) == 3
    assert bench.now(sweep).status is SweepStatus.FINISHED


def test_three_failures_and_nothing_else_end_a_sweep_in_words(bench: Bench) -> None:
    sweep = bench.sweep(SPEEDS, 10)
    while run := bench.begin():
        bench.end(run, RunStatus.FAILED, "The disk is full.")
    assert len(bench.trials(sweep)) == sweeping.HOPELESS_TRIALS
    ended = bench.now(sweep)
    assert ended.status is SweepStatus.STOPPED
    assert "The first 3 trials failed" in ended.words
    assert "The disk is full." in ended.words


def test_deleted_data_ends_a_sweep_in_words_and_holds_up_no_other(bench: Bench, home: Any) -> None:
    sweep = bench.sweep(SPEEDS, 3)
    other = Bench(home)
    second = other.sweep(SPEEDS, 3)
    owned.mark_deleted(
        bench.database, DatasetRow, LOCAL_PERSON, bench.ids["dataset_id"], deleted=True
    )
    sweeping.advance(bench.database)
    assert bench.now(sweep).status is SweepStatus.STOPPED
    assert "There is no dataset" in bench.now(sweep).words
    assert len(other.trials(second)) == 1


def test_a_fault_of_one_sweep_holds_up_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = bench.sweep(SPEEDS, 2), bench.sweep(SPEEDS, 2)
    usual = search.next_values

    def broken(sweep: Sweep, done: list[Trial]) -> dict[str, Any]:
        if sweep.id == first.id:
            raise ValueError("a fault")
        return usual(sweep, done)

    monkeypatch.setattr(search, "next_values", broken)
    sweeping.advance(bench.database)
    assert bench.now(first).status is SweepStatus.STOPPED
    assert len(bench.trials(second)) == 1


def test_a_small_space_is_gone_through_without_a_value_twice(bench: Bench) -> None:
    space = {"rank": {"choices": [2, 4, 8]}, "epochs": {"low": 1, "high": 2, "step": 1}}
    sweep = bench.sweep(space, 6, rank=4, alpha=8.0)
    found = bench.all(sweep, lambda spec: spec.rank)
    assert len({(trial.run.spec.rank, trial.run.spec.epochs) for trial in found}) == 6
    assert all(trial.run.spec.alpha == 2 * trial.run.spec.rank for trial in found)


def test_a_finished_trial_that_was_extended_beyond_the_space_still_counts_as_one(
    bench: Bench,
) -> None:
    sweep = bench.sweep({"epochs": {"low": 1, "high": 4}}, 3, epochs=2.0)
    run = bench.begin()
    assert run
    bench.train(run, valley)
    runs.extend(bench.database, LOCAL_PERSON, run.id, epochs=9.0)
    bench.all(sweep, valley)
    assert len(bench.trials(sweep)) == 3
    assert bench.now(sweep).status is SweepStatus.FINISHED


def test_without_a_sweep_that_goes_on_optuna_is_not_loaded(bench: Bench, home: Any) -> None:
    sweeps.stop(bench.database, LOCAL_PERSON, bench.sweep(SPEEDS, 3).id, "Enough.")
    look = LOOK + "sweeping.advance(Database(sys.argv[1])); assert 'optuna' not in sys.modules"
    called = [sys.executable, "-c", look, home.settings.database]
    subprocess.run(called, check=True, cwd=PROJECT, timeout=60)
