"""The child is killed at one file event after the other: before it, and in the middle of it."""

import logging
from collections.abc import Callable

import pytest

from storage import checkpoints, runs
from tests.fakes.file_events import FileEvents, Way, file_events
from tests.fakes.studio_worker import StudioWorker, Town
from tests.faults.conftest import Result, result

SHORT = {"max_steps": 6, "save_every": 2, "eval_every": 3, "dropout": 0.1, "seed": 7}

SAMPLES = [pytest.param(3, id="3"), pytest.param(None, marks=pytest.mark.slow, id="every one")]
"""So many of all events, evenly spread over them."""

WAYS = [Way.BEFORE, Way.TORN]


@pytest.fixture(scope="module")
def files(new_town: Callable[[], Town]) -> Town:
    """Return a town of its own."""
    return new_town()


@pytest.fixture(scope="module")
def events(files: Town, tmp_path_factory: pytest.TempPathFactory) -> FileEvents:
    """Return the counter of what happens to the files of its runs."""
    return file_events(tmp_path_factory.mktemp("events"), files.home.home / "runs")


@pytest.fixture(scope="module")
def counted(files: Town, events: FileEvents) -> StudioWorker:
    """Return a worker whose children are counted and cut off."""
    return files.worker(environment=events.environment).wait_until_warm()


@pytest.fixture(scope="module")
def whole(files: Town, events: FileEvents, counted: StudioWorker) -> tuple[Result, int]:
    """Return the result of a run that is left alone, and how many events it had."""
    events.arm(0)
    run_id = files.start(**SHORT)
    files.wait_for(run_id)
    return result(files, run_id), events.count


def cut_off(town: Town, events: FileEvents, event: int, way: Way) -> Result | None:
    """Run with a child that is killed at an event; None where there is none to be cut so."""
    events.arm(event, way)
    run_id = town.start(**SHORT)
    town.wait_for(run_id)
    if not events.has_cut:
        return None
    told = runs.attempts(town.home.database, run_id)
    assert "signal 9" in told[0]["outcome"], "the fault did not happen"
    folder = town.home.files.run(run_id)
    assert not list(folder.glob(".working-*"))
    assert all(checkpoints.is_whole(one) for one in town.home.checkpoints(run_id))
    return result(town, run_id)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("way", WAYS)
def test_a_child_killed_at_an_event_of_its_files_is_followed_by_one_that_ends_the_same(
    files: Town, events: FileEvents, whole: tuple[Result, int], way: Way, sample: int | None
) -> None:
    reference, count = whole
    assert count > 50
    steps = range(1, count + 1) if sample is None else range(2, count, count // sample)
    cut = 0
    for number in steps:
        ended = cut_off(files, events, number, way)
        cut += ended is not None
        assert ended is None or ended == reference, f"event {number}"
    assert cut >= len(steps) // 4, "the fault did not happen"
    logging.info("%d of %d events cut, %d of them all there are", cut, len(steps), count)
