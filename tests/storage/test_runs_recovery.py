"""Which deaths count: only those of attempts that saved nothing new."""

from typing import Any

from storage import attempts, metrics, runs, work
from storage.status import RunStatus, WorkStatus
from storage.tables import DatasetRow

ANNA = "anna"


def die(story: Any, begins_at: int | None, saves: int | None) -> runs.Run:
    """Let the next attempt go on from a step, save another one, and die."""
    run = story.claimed()
    if begins_at is not None:
        metrics.resume_from(story.database, run.id, run.attempt, begins_at)
    if saves is not None:
        metrics.report(story.database, run.id, run.attempt, [], checkpoint_step=saves)
    return attempts.put_back(story.database, run.id, run.attempt, "killed")


def test_a_run_that_gets_further_each_time_is_taken_up_as_often_as_it_takes(story: Any) -> None:
    story.queued()
    ends = [die(story, begins_at=10 * n, saves=10 * (n + 1)) for n in range(6)]
    assert {(run.status, run.crashes) for run in ends} == {(RunStatus.QUEUED, 0)}


def test_progress_wipes_out_the_deaths_before_it(story: Any) -> None:
    story.queued()
    deaths = [(0, None), (0, None), (0, 5), (5, None), (5, 5), (5, None)]
    assert [die(story, *death).crashes for death in deaths] == [1, 2, 0, 1, 2, 3]


def test_a_death_before_anything_is_loaded_counts_though_an_earlier_attempt_saved(
    story: Any,
) -> None:
    story.queued()
    die(story, begins_at=0, saves=20)
    ends = [die(story, begins_at=None, saves=None) for _ in range(3)]
    assert [run.crashes for run in ends] == [1, 2, 3]
    assert ends[-1].status == RunStatus.FAILED


def test_a_checkpoint_before_the_damaged_one_is_no_progress(story: Any) -> None:
    story.queued()
    die(story, begins_at=0, saves=20)
    assert die(story, begins_at=10, saves=None).crashes == 1


def test_work_whose_worker_shuts_down_in_order_waits_again_without_a_crash(story: Any) -> None:
    identifier = story.dataset()
    for _ in range(work.MOST_CRASHES + 1):
        row = work.claim(story.database, DatasetRow, story.worker, 30)
        assert row is not None
        work.release(story.database, DatasetRow, (row.id, row.attempt))
    with story.database.read() as session:
        found = session.get_one(DatasetRow, identifier)
        assert (found.status, found.crashes, found.worker) == (WorkStatus.WAITING, 0, None)
