"""Sweeps and their trials: who adds the next one, what one counts as, and how a sweep ends."""

from typing import Any

import pytest

from storage import attempts, events, metrics, owned, runs, spaces, sweeps, trials
from storage.errors import NotFound, StudioError
from storage.metrics import Point
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from storage.sweeps import Sweep, SweepStatus, Wanted
from storage.tables import DatasetRow, SweepRow
from storage.trials import Trial, TrialState

ANNA = "anna"
SPACE = {"learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}


@pytest.fixture
def sweep(story: Any) -> Sweep:
    """A sweep of anna's that goes on."""
    ids = {"dataset_id": story.dataset(), "base_model_id": story.base_model()}
    story.prepare()
    wanted = Wanted("Speeds", RunSpec(**ids), spaces.parse(SPACE), trials=4, seed=7)
    return sweeps.add(story.database, ANNA, wanted)


def next_trial(story: Any, sweep: Sweep) -> runs.Run:
    """Add the next trial; returns its run."""
    number = len(trials.of(story.database, sweep.id)) + 1
    run = trials.add(story.database, sweep, number, sweep.spec)
    assert run is not None
    return run


def train(story: Any, *losses: float) -> runs.Run:
    """Let the next run train and report the losses of its exams."""
    run = story.claimed()
    attempts.begin(story.database, run.id, run.attempt)
    points = [Point("eval_loss", step, loss) for step, loss in enumerate(losses, start=1)]
    metrics.report(story.database, run.id, run.attempt, points, step=len(losses), total_steps=10)
    return runs.get(story.database, ANNA, run.id)


def end(story: Any, run: runs.Run, status: RunStatus, words: str = "") -> None:
    """End a run."""
    attempts.end(story.database, run.id, run.attempt, status, words)


def last(story: Any, sweep: Sweep) -> Trial:
    """Return the last trial."""
    return trials.of(story.database, sweep.id)[-1]


def test_a_sweep_is_kept_as_it_was_asked_for(story: Any, sweep: Sweep) -> None:
    found = sweeps.get(story.database, ANNA, sweep.id)
    assert (found.status, found.trials, found.seed) == (SweepStatus.RUNNING, 4, 7)
    assert found.dimensions == spaces.parse(SPACE)
    assert sweeps.all_of(story.database, ANNA) == sweeps.running(story.database) == [found]
    with pytest.raises(NotFound):
        sweeps.get(story.database, "bert", sweep.id)


def test_data_that_is_not_there_makes_no_sweep(story: Any, sweep: Sweep) -> None:
    elsewhere = sweep.spec.model_copy(update={"dataset_id": "dataset_x"})
    with pytest.raises(NotFound):
        sweeps.add(story.database, ANNA, Wanted("No", elsewhere, spaces.parse(SPACE), 2))


def test_a_trial_is_a_run_that_knows_its_sweep(story: Any, sweep: Sweep) -> None:
    run = next_trial(story, sweep)
    assert (run.sweep_id, run.trial, run.status) == (sweep.id, 1, RunStatus.QUEUED)
    assert runs.get(story.database, ANNA, run.id) == run
    assert last(story, sweep).state is TrialState.WAITING


def test_the_same_trial_is_added_once_and_the_next_one_after_it_has_ended(
    story: Any, sweep: Sweep
) -> None:
    assert trials.add(story.database, sweep, 1, sweep.spec)
    assert trials.add(story.database, sweep, 1, sweep.spec) is None
    assert trials.add(story.database, sweep, 2, sweep.spec) is None
    end(story, train(story, 2.0), RunStatus.FINISHED)
    assert trials.add(story.database, sweep, 1, sweep.spec) is None
    assert trials.add(story.database, sweep, 2, sweep.spec)
    assert [trial.number for trial in trials.of(story.database, sweep.id)] == [1, 2]


@pytest.mark.parametrize("status", [SweepStatus.STOPPED, SweepStatus.FINISHED])
def test_a_sweep_that_has_ended_gets_no_trial(story: Any, sweep: Sweep, status: Any) -> None:
    assert sweeps.end(story.database, sweep.id, status, "Enough.")
    assert not sweeps.end(story.database, sweep.id, SweepStatus.FINISHED, "Again.")
    assert trials.add(story.database, sweep, 1, sweep.spec) is None
    found = sweeps.get(story.database, ANNA, sweep.id)
    assert (found.status, found.words) == (status, "Enough.")
    assert found.ended_at is not None


def test_a_deleted_sweep_gets_no_trial(story: Any, sweep: Sweep) -> None:
    owned.mark_deleted(story.database, SweepRow, ANNA, sweep.id, deleted=True)
    assert sweeps.running(story.database) == []
    assert trials.add(story.database, sweep, 1, sweep.spec) is None


def test_deleted_data_is_told_where_the_next_trial_would_need_it(story: Any, sweep: Sweep) -> None:
    owned.mark_deleted(story.database, DatasetRow, ANNA, sweep.spec.dataset_id, deleted=True)
    with pytest.raises(NotFound):
        trials.add(story.database, sweep, 1, sweep.spec)


def test_what_a_trial_counts_as_follows_its_run(story: Any, sweep: Sweep) -> None:
    next_trial(story, sweep)
    run = train(story, 3.0, 2.0, 2.5)
    assert last(story, sweep).state is TrialState.RUNNING
    assert last(story, sweep).exams == [(1, 3.0), (2, 2.0), (3, 2.5)]
    end(story, run, RunStatus.FINISHED)
    assert last(story, sweep).state is TrialState.COMPLETE
    assert last(story, sweep).best == (2, 2.0)
    next_trial(story, sweep)
    end(story, train(story), RunStatus.FAILED, "Out of memory.")
    assert last(story, sweep).state is TrialState.FAILED
    assert last(story, sweep).words == "Out of memory."
    assert last(story, sweep).best is None
    next_trial(story, sweep)
    end(story, train(story, float("nan")), RunStatus.FINISHED)
    assert last(story, sweep).state is TrialState.FAILED
    assert trials.ended(story.database, ANNA) == {sweep.id: 3}


def test_a_trial_is_pruned_once_and_its_page_says_why(story: Any, sweep: Sweep) -> None:
    run = next_trial(story, sweep)
    assert not trials.prune(story.database, run.id, "It only waits.")
    run = train(story, 9.0)
    assert trials.prune(story.database, run.id, "Others do better.", loss=9.0)
    assert not trials.prune(story.database, run.id, "Again.")
    assert runs.get(story.database, ANNA, run.id).stop_request is StopRequest.KEEP
    told = events.of(story.database, run.id)
    assert [(event.kind, event.words) for event in told] == [("pruned", "Others do better.")]
    end(story, run, RunStatus.STOPPED)
    assert last(story, sweep).state is TrialState.PRUNED
    assert last(story, sweep).words == "Others do better."
    runs.resume(story.database, ANNA, run.id)
    assert not trials.prune(story.database, train(story).id, "A person wants to see its end.")


def test_a_trial_that_a_person_stops_is_not_pruned(story: Any, sweep: Sweep) -> None:
    run = next_trial(story, sweep)
    runs.request_stop(story.database, ANNA, run.id, StopRequest.KEEP)
    assert last(story, sweep).state is TrialState.STOPPED


def test_stopping_a_sweep_stops_what_waits_or_trains(story: Any, sweep: Sweep) -> None:
    run = next_trial(story, sweep)
    stopped = sweeps.stop(story.database, ANNA, sweep.id, "By you.")
    assert (stopped.status, stopped.words) == (SweepStatus.STOPPED, "By you.")
    assert runs.get(story.database, ANNA, run.id).status is RunStatus.STOPPED
    with pytest.raises(StudioError, match="nothing to stop"):
        sweeps.stop(story.database, ANNA, sweep.id, "Again.")
    assert sweeps.go_on(story.database, ANNA, sweep.id).status is SweepStatus.RUNNING
    with pytest.raises(StudioError, match="nothing to resume"):
        sweeps.go_on(story.database, ANNA, sweep.id)
    next_trial(story, sweep)
    run = train(story, 1.0)
    sweeps.stop(story.database, ANNA, sweep.id, "By you.")
    assert runs.get(story.database, ANNA, run.id).stop_request is StopRequest.KEEP
