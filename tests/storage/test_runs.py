"""Runs: in the order of the queue, stopped, resumed, taken back, given up, and one's own only."""

from typing import Any

import pytest

from storage import adapters, attempts, base_models, datasets, ids, metrics, owned, runs, work
from storage.errors import NotFound, StudioError
from storage.leases import Heard
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from storage.tables import BaseModelRow, DatasetRow, RunRow

ANNA, BEN = "anna", "ben"


def status_of(story: Any, run: runs.Run) -> RunStatus:
    """Return where the run stands now."""
    return runs.get(story.database, ANNA, run.id).status


def test_a_new_run_waits_in_the_queue_with_its_spec(story: Any) -> None:
    run = story.queued(name="First try")
    found = runs.get(story.database, ANNA, run.id)
    assert found == run
    assert (found.name, found.spec.name, found.status) == ("First try", "First try", "queued")
    assert found.queued_at.tzinfo is not None


def test_runs_are_claimed_in_the_order_of_the_queue(story: Any) -> None:
    first = story.queued()
    others = [story.again(first.dataset_id, first.base_model_id) for _ in range(4)]
    claimed = [story.claimed().id for _ in range(5)]
    assert claimed == [run.id for run in (first, *others)]
    assert attempts.claim(story.database, story.worker, 30) is None


def test_a_run_that_a_worker_gave_back_keeps_its_place_before_later_ones(story: Any) -> None:
    first = story.queued()
    second = story.again(first.dataset_id, first.base_model_id)
    story.claimed()
    attempts.release(story.database, first.id, 1)
    assert [story.claimed().id, story.claimed().id] == [first.id, second.id]


def test_a_resumed_run_queues_up_behind_those_that_waited(story: Any) -> None:
    run = story.running()
    waiting = story.again(run.dataset_id, run.base_model_id)
    attempts.end(story.database, run.id, 1, RunStatus.STOPPED, "by request")
    runs.resume(story.database, ANNA, run.id)
    assert [story.claimed().id, story.claimed().id] == [waiting.id, run.id]


def test_a_claim_opens_an_attempt_under_a_lease(story: Any) -> None:
    run = story.queued()
    claimed = story.claimed()
    assert (claimed.status, claimed.attempt, claimed.worker) == ("starting", 1, story.worker)
    assert claimed.started_at is not None
    [attempt] = runs.attempts(story.database, run.id)
    assert (attempt["attempt"], attempt["ended_at"], attempt["outcome"]) == (1, None, None)


def test_a_run_starts_only_when_data_and_model_are_ready(story: Any) -> None:
    data, model = story.dataset(), story.base_model()
    run = story.again(data, model)
    for table in (DatasetRow, BaseModelRow):
        assert not attempts.anything_ready(story.database)
        assert attempts.claim(story.database, story.worker, 30) is None
        row = work.claim(story.database, table, story.worker, 30)
        work.finish(story.database, table, (row.id, row.attempt))
    assert attempts.anything_ready(story.database)
    assert story.claimed().id == run.id


def test_a_run_that_must_wait_lets_a_ready_one_pass(story: Any) -> None:
    ready = story.queued()
    story.again(story.dataset(sha256="b" * 64), ready.base_model_id)
    late = story.again(ready.dataset_id, ready.base_model_id)
    assert [story.claimed().id, story.claimed().id] == [ready.id, late.id]
    assert attempts.claim(story.database, story.worker, 30) is None


def test_a_run_on_deleted_data_does_not_start(story: Any) -> None:
    run = story.queued()
    owned.mark_deleted(story.database, DatasetRow, ANNA, run.dataset_id, deleted=True)
    assert attempts.claim(story.database, story.worker, 30) is None
    owned.mark_deleted(story.database, DatasetRow, ANNA, run.dataset_id, deleted=False)
    assert story.claimed().id == run.id


def test_a_deleted_run_does_not_start(story: Any) -> None:
    run = story.queued()
    owned.mark_deleted(story.database, RunRow, ANNA, run.id, deleted=True)
    assert not attempts.anything_ready(story.database)
    assert attempts.claim(story.database, story.worker, 30) is None


@pytest.mark.parametrize(
    ("request_", "ends"),
    [(StopRequest.KEEP, RunStatus.STOPPED), (StopRequest.DISCARD, RunStatus.DISCARDED)],
)
class TestStopping:
    """A person asks a run to stop, with or without what it has learned."""

    def test_one_that_waits_stops_at_once(
        self, story: Any, request_: StopRequest, ends: RunStatus
    ) -> None:
        run = runs.request_stop(story.database, ANNA, story.queued().id, request_)
        assert (run.status, run.stop_request) == (ends, None)
        assert run.ended_at is not None

    def test_one_under_way_is_told_with_its_next_heartbeat_and_its_next_report(
        self, story: Any, request_: StopRequest, ends: RunStatus
    ) -> None:
        run = story.running()
        assert attempts.heartbeat(story.database, run.id, 1, 30) is None
        asked = runs.request_stop(story.database, ANNA, run.id, request_)
        assert asked.status == RunStatus.RUNNING
        assert attempts.heartbeat(story.database, run.id, 1, 30) is request_
        assert metrics.report(story.database, run.id, 1, []) is request_
        ended = attempts.end(story.database, run.id, 1, ends, "by request")
        assert (ended.status, ended.stop_request, ended.worker) == (ends, None, None)

    def test_one_whose_child_dies_meanwhile_stops_all_the_same(
        self, story: Any, request_: StopRequest, ends: RunStatus
    ) -> None:
        run = story.running()
        runs.request_stop(story.database, ANNA, run.id, request_)
        assert attempts.put_back(story.database, run.id, 1, "killed").status == ends

    def test_one_whose_worker_shuts_down_meanwhile_stops_all_the_same(
        self, story: Any, request_: StopRequest, ends: RunStatus
    ) -> None:
        run = story.running()
        runs.request_stop(story.database, ANNA, run.id, request_)
        attempts.release(story.database, run.id, 1)
        assert status_of(story, run) == ends

    @pytest.mark.parametrize("over", [RunStatus.FINISHED, RunStatus.DISCARDED])
    def test_one_that_is_over_cannot_be_stopped(
        self, story: Any, request_: StopRequest, ends: RunStatus, over: RunStatus
    ) -> None:
        run = story.running()
        attempts.end(story.database, run.id, 1, over, "over")
        with pytest.raises(StudioError, match=f"This run is {over}"):
            runs.request_stop(story.database, ANNA, run.id, request_)


def test_a_stopped_or_failed_run_may_still_be_discarded(story: Any) -> None:
    for status in (RunStatus.STOPPED, RunStatus.FAILED):
        run = story.running()
        attempts.end(story.database, run.id, run.attempt, status, "over")
        runs.request_stop(story.database, ANNA, run.id, StopRequest.DISCARD)
        assert status_of(story, run) == RunStatus.DISCARDED


def test_a_failed_run_says_why_and_forgets_it_when_it_is_resumed(story: Any) -> None:
    run = story.running()
    failed = attempts.end(
        story.database, run.id, 1, RunStatus.FAILED, "No memory.", "Halve the batch."
    )
    assert (failed.error, failed.hint) == ("No memory.", "Halve the batch.")
    resumed = runs.resume(story.database, ANNA, run.id)
    assert (resumed.status, resumed.error, resumed.hint, resumed.ended_at) == ("queued",) + (
        None,
    ) * 3
    assert story.claimed().attempt == 2
    [first, second] = runs.attempts(story.database, run.id)
    assert (first["outcome"], second["outcome"]) == ("No memory.", None)


@pytest.mark.parametrize("status", ["queued", "starting", "running", "finished", "discarded"])
def test_only_a_stopped_or_failed_run_is_resumed(story: Any, status: str) -> None:
    run = story.queued()
    if status != "queued":
        story.claimed()
    if status not in ("queued", "starting"):
        attempts.begin(story.database, run.id, 1)
    if status in ("finished", "discarded"):
        attempts.end(story.database, run.id, 1, RunStatus(status), "over")
    assert not runs.get(story.database, ANNA, run.id).is_resumable
    with pytest.raises(StudioError, match=f"This run is {status}"):
        runs.resume(story.database, ANNA, run.id)
    assert status_of(story, run) == status


def test_three_deaths_without_progress_end_a_run_with_the_reason(story: Any) -> None:
    run = story.queued()
    for attempt in (1, 2, 3):
        assert story.claimed().attempt == attempt
        ended = attempts.put_back(story.database, run.id, attempt, f"killed by signal {attempt}")
    assert ended.status == RunStatus.FAILED
    assert ended.error == "The training process ended 3 times without getting any further."
    assert "killed by signal 3" in ended.hint
    outcomes = [attempt["outcome"] for attempt in runs.attempts(story.database, run.id)]
    assert outcomes == [f"killed by signal {attempt}" for attempt in (1, 2, 3)]


def test_a_death_after_a_new_checkpoint_is_the_first_again(story: Any) -> None:
    run = story.queued()
    for attempt in range(1, 7):
        story.claimed()
        metrics.report(story.database, run.id, attempt, [], checkpoint_step=attempt, crashes=0)
        attempts.put_back(story.database, run.id, attempt, "killed")
    assert status_of(story, run) == RunStatus.QUEUED


def test_a_shutdown_in_order_counts_as_no_death(story: Any) -> None:
    run = story.queued()
    for attempt in range(1, 6):
        story.claimed()
        attempts.release(story.database, run.id, attempt)
    found = runs.get(story.database, ANNA, run.id)
    assert (found.status, found.crashes) == (RunStatus.QUEUED, 0)


def test_a_run_of_a_dead_worker_goes_on_from_the_queue(story: Any) -> None:
    run = story.queued()
    story.claimed()
    assert attempts.recover(story.database, Heard(0)) == [run.id]
    assert attempts.recover(story.database, Heard(0)) == []
    second = story.claimed()
    assert (second.id, second.attempt, second.crashes) == (run.id, 2, 1)


def test_a_run_whose_data_could_not_be_prepared_fails_with_a_way_on(story: Any) -> None:
    run = story.again(story.dataset(), story.base_model())
    assert attempts.fail_hopeless(story.database) == []
    row = work.claim(story.database, DatasetRow, story.worker, 30)
    work.fail(story.database, DatasetRow, (row.id, 1), StudioError("No line could be read."))
    assert attempts.fail_hopeless(story.database) == [run.id]
    failed = runs.get(story.database, ANNA, run.id)
    assert (failed.status, bool(failed.error), bool(failed.hint)) == (RunStatus.FAILED, True, True)


@pytest.mark.parametrize(
    ("table", "key"), [(DatasetRow, "dataset_id"), (BaseModelRow, "base_model_id")]
)
def test_a_run_whose_data_or_model_was_deleted_fails_instead_of_waiting_for_ever(
    story: Any, table: type, key: str
) -> None:
    run = story.queued()
    other = story.queued()
    owned.mark_deleted(story.database, table, ANNA, getattr(run, key), deleted=True)
    assert attempts.fail_hopeless(story.database) == [run.id]
    assert status_of(story, other) == RunStatus.QUEUED


def test_what_belongs_to_anna_is_not_there_for_ben(story: Any) -> None:
    run, opened = story.running(), story.database
    adapter = adapters.publish(
        opened, run.id, 1, "adapter_000000000001",
        {"step": 1, "eval_loss": 0.5, "bytes": 1, "sha256": "0" * 64},
    )  # fmt: skip
    spec = RunSpec(dataset_id=run.dataset_id, base_model_id=run.base_model_id)
    for touch in (
        lambda: runs.get(opened, BEN, run.id),
        lambda: runs.request_stop(opened, BEN, run.id, StopRequest.DISCARD),
        lambda: runs.resume(opened, BEN, run.id),
        lambda: runs.add(opened, BEN, spec),
        lambda: datasets.get(opened, BEN, run.dataset_id),
        lambda: base_models.get(opened, BEN, run.base_model_id),
        lambda: adapters.get(opened, BEN, adapter.id),
        lambda: work.retry(opened, DatasetRow, run.dataset_id, BEN),
        lambda: work.retry(opened, BaseModelRow, run.base_model_id, BEN),
        lambda: owned.mark_deleted(opened, RunRow, BEN, run.id, deleted=True),
        lambda: owned.mark_deleted(opened, DatasetRow, BEN, run.dataset_id, deleted=True),
    ):
        with pytest.raises(NotFound):
            touch()
    for listing in (runs, datasets, base_models, adapters):
        assert listing.all_of(opened, BEN) == []
        assert len(listing.all_of(opened, ANNA)) == 1


def test_a_run_needs_data_and_a_model_that_are_there(story: Any) -> None:
    run = story.queued()
    owned.mark_deleted(story.database, BaseModelRow, ANNA, run.base_model_id, deleted=True)
    with pytest.raises(NotFound, match="base model"):
        story.again(run.dataset_id, run.base_model_id)
    with pytest.raises(NotFound, match="dataset"):
        story.again("data_000000000000", run.base_model_id)


def test_a_discarded_run_leaves_no_adapter(story: Any) -> None:
    run = story.running()
    found = {"step": 3, "eval_loss": None, "bytes": 1, "sha256": "0" * 64}
    kept = adapters.publish(story.database, run.id, run.attempt, ids.new("adapter"), found)
    attempts.end(story.database, run.id, run.attempt, RunStatus.STOPPED, "stopped")
    assert adapters.all_of(story.database, ANNA) == [kept]

    discarded = runs.request_stop(story.database, ANNA, run.id, StopRequest.DISCARD)
    assert (discarded.status, discarded.adapter_id) == (RunStatus.DISCARDED, None)
    assert adapters.all_of(story.database, ANNA) == []
