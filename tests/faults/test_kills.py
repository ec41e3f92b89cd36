"""Kill after kill at moments that chance chooses: no run is lost, and each ends the same.

How often is the figure of the fault table in the long form, and a few times in the plain run.
"""

import logging
import random
import signal
import time

import psutil
import pytest

from storage import runs
from storage.status import RunStatus
from tests.fakes.studio_worker import StudioWorker, Town, runs_on, until, wait_until_ended
from tests.faults.conftest import SPEC, STEPS, Result, result

KILLS = [pytest.param(2, id="2"), pytest.param(100, marks=pytest.mark.slow, id="100")]
CYCLES = [pytest.param(1, id="1"), pytest.param(20, marks=pytest.mark.slow, id="20")]
SIGNALS = [
    pytest.param(signal.SIGKILL, id="killed"),
    pytest.param(signal.SIGTERM, id="told to end"),
]

OFTEN = SPEC | {"save_every": 5}


def wait_a_while(town: Town, run_id: str, chance: random.Random) -> None:
    """Let the run begin to save, and then a moment pass."""
    here = town.run(run_id).checkpoint_step
    until(lambda: town.run(run_id).checkpoint_step > here or town.run(run_id).ended_at)
    time.sleep(chance.random() * 0.5)


def wait_until_taken_up(town: Town, run_id: str, attempt: int) -> float:
    """Wait until another attempt has begun, or the run had ended before it was hit.

    Returns how many seconds that took.
    """
    began = time.monotonic()
    until(lambda: town.run(run_id).attempt > attempt or town.run(run_id).ended_at)
    return time.monotonic() - began


def wait_until_begun(town: Town, run_id: str, attempt: int) -> None:
    """Wait until the process of an attempt knows from where it goes on, or the run has ended."""

    def has_begun() -> bool:
        told = runs.attempts(town.home.database, run_id)
        return len(told) >= attempt and told[attempt - 1]["resumed_step"] is not None

    until(lambda: has_begun() or town.run(run_id).ended_at)


def ends_the_same(town: Town, run_id: str, reference: Result) -> None:
    """Wait for the end of a run, and compare everything with the run that was left alone."""
    town.wait_for(run_id)
    assert result(town, run_id) == reference
    assert list(town.home.curve(run_id, "loss")) == list(range(1, STEPS + 1))
    told = runs.attempts(town.home.database, run_id)
    began = [one["resumed_step"] for one in told if one["resumed_step"] is not None]
    assert began == sorted(began), "work was lost"


@pytest.mark.parametrize("kills", KILLS)
def test_a_trainer_killed_again_and_again_redoes_no_more_than_it_had_not_saved(
    town: Town, worker: StudioWorker, reference: Result, kills: int
) -> None:
    chance, took, redone = random.Random(11), [], []
    while len(took) < kills:
        run_id = town.start(**OFTEN)
        while len(took) < kills and not town.run(run_id).ended_at:
            wait_a_while(town, run_id, chance)
            children = worker.children()
            if not children or town.run(run_id).ended_at:
                break
            attempt = town.run(run_id).attempt
            children[0].kill()
            wait_until_ended(children)
            here = town.run(run_id).step
            took.append(wait_until_taken_up(town, run_id, attempt))
            redone.append((run_id, attempt, here))
        ends_the_same(town, run_id, reference)
    for run_id, attempt, here in redone:
        told = runs.attempts(town.home.database, run_id)
        next_one = told[attempt] if attempt < len(told) else None
        if next_one and next_one["resumed_step"] is not None:
            assert here - next_one["resumed_step"] <= OFTEN["save_every"] + 1
    assert max(took) < 15 + 30, "taken up too late"
    logging.info("%d kills, taken up after %.1f s at most", len(took), max(took))


@pytest.mark.slow
@pytest.mark.parametrize("how", SIGNALS)
def test_fifty_workers_end_while_they_train_and_another_one_goes_on(
    busy: Town, reference: Result, how: signal.Signals
) -> None:
    chance, took, ended = random.Random(3), [], []
    while len(took) < 50:
        run_id = busy.start(**OFTEN)
        while len(took) < 50 and not busy.run(run_id).ended_at:
            workers = busy.workers_alive(2)
            wait_a_while(busy, run_id, chance)
            at_work = next((one for one in workers if one.children()), None)
            if at_work is None or busy.run(run_id).ended_at:
                break
            child, attempt, began = at_work.child(), busy.run(run_id).attempt, time.monotonic()
            at_work.signal(how)
            took.append(wait_until_taken_up(busy, run_id, attempt))
            wait_until_begun(busy, run_id, attempt + 1)
            assert not runs_on(child), "two processes write at once"
            at_work.wait()
            ended.append(time.monotonic() - began)
        ends_the_same(busy, run_id, reference)
    assert busy.run(run_id).crashes == 0 or how is signal.SIGKILL
    assert max(took) < 45
    logging.info(
        "50 workers %s: taken up after %.1f s, gone after %.1f s", how, max(took), max(ended)
    )


@pytest.mark.parametrize("cycles", CYCLES)
def test_everything_killed_at_once_leaves_no_process_and_every_run_ends(
    busy: Town, reference: Result, cycles: int
) -> None:
    chance, run_id = random.Random(5), busy.start(**OFTEN)
    for _ in range(cycles):
        worker = busy.workers_alive(1)[-1]
        if busy.run(run_id).ended_at:
            ends_the_same(busy, run_id, reference)
            run_id = busy.start(**OFTEN)
        wait_a_while(busy, run_id, chance)
        family = [psutil.Process(worker.pid), *worker.family()]
        others = [one for one in busy.workers if one.is_alive and one is not worker]
        for process in reversed([*family, *(psutil.Process(one.pid) for one in others)]):
            if process.is_running():
                process.kill()
        for one in (worker, *others):
            one.wait()
        wait_until_ended(family)
    busy.workers_alive(1)
    ends_the_same(busy, run_id, reference)
    waiting = [one for one in runs.all_of(busy.home.database, "local") if one.status in GOING]
    assert waiting == []


GOING = (RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING)
