"""Kill after kill at moments that chance chooses: no run is lost, and each ends the same.

How often is the figure of the fault table in the long form, and a few times in the plain run.
"""

import random
import time
from collections.abc import Callable

import psutil
import pytest

from storage import runs
from tests.fakes.studio_worker import StudioWorker, Town, until
from tests.faults.conftest import SPEC, STEPS, Result, result

KILLS = [pytest.param(2, id="2"), pytest.param(100, marks=pytest.mark.slow, id="100")]
CYCLES = [pytest.param(1, id="1"), pytest.param(20, marks=pytest.mark.slow, id="20")]

OFTEN = SPEC | {"save_every": 5}


@pytest.fixture(scope="module")
def violent(new_town: Callable[[], Town]) -> Town:
    """Return a town of its own."""
    return new_town()


def wait_a_while(town: Town, run_id: str, chance: random.Random) -> None:
    """Let the run begin to save, and then a moment pass."""
    here = town.run(run_id).checkpoint_step
    until(lambda: town.run(run_id).checkpoint_step > here or town.run(run_id).ended_at)
    time.sleep(chance.random() * 0.5)


def wait_until_taken_up(town: Town, run_id: str, attempt: int) -> None:
    """Wait until another attempt has begun, or the run had ended before it was hit."""
    until(lambda: town.run(run_id).attempt > attempt or town.run(run_id).ended_at)


@pytest.mark.parametrize("kills", KILLS)
def test_a_trainer_killed_again_and_again_redoes_no_more_than_it_had_not_saved(
    town: Town, worker: StudioWorker, reference: Result, kills: int
) -> None:
    chance, done = random.Random(11), 0
    while done < kills:
        run_id, here = town.start(**OFTEN), 0
        while done < kills and not town.run(run_id).ended_at:
            wait_a_while(town, run_id, chance)
            children = worker.children()
            if not children or town.run(run_id).ended_at:
                break
            here, attempt = town.run(run_id).step, town.run(run_id).attempt
            children[0].kill()
            done += 1
            wait_until_taken_up(town, run_id, attempt)
        town.wait_for(run_id)
        assert result(town, run_id).adapter == reference.adapter
        assert list(town.home.curve(run_id, "loss")) == list(range(1, STEPS + 1))
        told = runs.attempts(town.home.database, run_id)
        began = [one["resumed_step"] for one in told if one["resumed_step"] is not None]
        assert began == sorted(began)
        assert here - began[-1] <= OFTEN["save_every"] + 1
    assert done == kills, "the fault did not happen"


@pytest.mark.parametrize("cycles", CYCLES)
def test_everything_killed_at_once_leaves_no_process_and_every_run_ends(
    violent: Town, reference: Result, cycles: int
) -> None:
    chance, run_id = random.Random(5), violent.start(**OFTEN)
    for _ in range(cycles):
        worker = violent.workers_alive(1)[-1]
        if violent.run(run_id).ended_at:
            run_id = violent.start(**OFTEN)
        wait_a_while(violent, run_id, chance)
        family = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
        for process in reversed(family):
            if process.is_running():
                process.kill()
        worker.wait()
        _, alive = psutil.wait_procs(family[1:], timeout=20)
        assert not alive
    violent.workers_alive(1)
    violent.wait_for(run_id)
    assert result(violent, run_id).adapter == reference.adapter
