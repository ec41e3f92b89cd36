"""Volumes that are full: at a checkpoint, before a run, under the database, under the uploads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import checkpoints, runs
from storage.ids import LOCAL_PERSON
from storage.status import RunStatus
from tests.fakes.small_volume import fill_up, room, small_volume
from tests.fakes.studio_worker import StudioWorker, Town, until
from tests.faults.conftest import SPEC, Result, result


@pytest.fixture
def volume(town: Town) -> Iterator[Path]:
    """Return a small volume of its own for what runs save."""
    with small_volume(town.home.home / "runs", 4) as mounted:
        yield mounted


def test_a_checkpoint_that_finds_no_room_stops_the_run_which_then_ends_the_same(
    town: Town, worker: StudioWorker, reference: Result, volume: Path
) -> None:
    run_id = town.start(**SPEC)
    folder = town.home.files.run(run_id)
    until(lambda: town.home.checkpoints(run_id))
    size = town.home.checkpoints(run_id)[0].bytes
    ballast = fill_up(volume, leaving=size // 2)
    stopped = town.wait_for(run_id, RunStatus.STOPPED, RunStatus.FINISHED)
    assert stopped.status is RunStatus.STOPPED, "the fault did not happen"
    assert (stopped.error or "").startswith("The disk is full: it needs ")
    assert (stopped.error or "").endswith(" is free.")
    assert f"on the volume {volume}, then resume" in (stopped.hint or "")
    assert not list(folder.glob(".working-*"))
    kept = town.home.checkpoints(run_id)
    assert kept
    assert all(checkpoints.is_whole(one) for one in kept)

    ballast.unlink()
    runs.resume(town.home.database, LOCAL_PERSON, run_id)
    town.ring()
    town.wait_for(run_id)
    resumed = runs.attempts(town.home.database, run_id)[1]["resumed_step"]
    assert resumed == kept[0].step >= 10
    assert result(town, run_id) == reference


def test_a_run_without_room_for_its_checkpoints_does_not_begin(
    town: Town, worker: StudioWorker, volume: Path
) -> None:
    fill_up(volume, leaving=300_000)  # a checkpoint alone would fit
    run_id = town.start(**SPEC | {"max_steps": 2})
    stopped = town.wait_for(run_id, RunStatus.STOPPED, RunStatus.FINISHED)
    assert stopped.status is RunStatus.STOPPED, (stopped.status, room(volume))
    assert (stopped.error or "").startswith("The disk is full: it needs ")
    assert (stopped.step, town.home.points(run_id)) == (0, [])


def test_a_volume_without_room_for_a_word_still_stops_the_run_in_words(
    town: Town, worker: StudioWorker, volume: Path
) -> None:
    town.home.files.run("run_000000000000")
    run_id = town.home.queue(*town.ids, **SPEC).id
    town.home.files.run(run_id).mkdir(parents=True)
    fill_up(volume)
    assert room(volume) == 0
    town.ring()
    stopped = town.wait_for(run_id, RunStatus.STOPPED, RunStatus.FAILED)
    assert stopped.status is RunStatus.STOPPED
    assert (stopped.error or "").startswith("The disk is full: ")
