"""The kills of the system's out-of-memory killer are counted where the system tells of them."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import attempts, events
from storage.errors import OutOfMemory
from storage.status import RunStatus
from tests.worker.conftest import Home
from worker import failures, memory_kills
from worker.duties import RunDuty
from worker.endings import FAILED, OUT_OF_MEMORY, Ending
from worker.entries import ENTRIES
from worker.failures import Death

LOG = Path("log.txt")


def test_kills_are_counted_over_all_places_that_tell_of_them(tmp_path: Path) -> None:
    machine, group = tmp_path / "vmstat", tmp_path / "memory.events"
    machine.write_text("nr_free_pages 5\noom_kill 2\noom_kill_other 9\n")
    group.write_text("low 0\noom 4\noom_kill 1\noom_group_kill 7\n")
    assert memory_kills.count([machine, group, tmp_path / "missing"]) == 3
    assert memory_kills.count([tmp_path / "missing"]) == 0


def test_a_killed_child_died_for_its_memory_only_where_the_count_has_grown() -> None:
    assert failures.of_exit(-signal.SIGKILL, LOG, killed_for_memory=True).out_of_memory
    assert not failures.of_exit(-signal.SIGKILL, LOG).out_of_memory
    assert not failures.of_exit(-signal.SIGSEGV, LOG, killed_for_memory=True).out_of_memory


def test_memory_that_ran_out_in_a_step_is_told_apart_from_other_failures() -> None:
    ending = failures.explain(OutOfMemory("The computer ran out of memory."), LOG)
    assert ending.found == {OUT_OF_MEMORY: True}
    assert failures.explain(MemoryError(), LOG).found == {}


TOLD = "The computer ran out of memory."

WAYS: dict[str, Callable[[RunDuty], None]] = {
    "told by the child": lambda duty: duty.end(Ending(FAILED, TOLD, found={OUT_OF_MEMORY: True})),
    "killed by the system": lambda duty: duty.died(Death("memory ran out", out_of_memory=True)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_that_ran_out_of_memory_is_halved_while_it_can_be_and_then_fails(
    home: Home, way: str
) -> None:
    run_id = home.queued().id
    batch = home.run(run_id).spec.batch_size
    halvings = 0
    while True:
        run = attempts.claim(home.database, "test", 30)
        assert run is not None
        duty = RunDuty(home.database, home.settings, run, ENTRIES)
        duty.begin()
        WAYS[way](duty)
        if home.run(run_id).status is RunStatus.FAILED:
            break
        halvings += 1
        assert (home.run(run_id).status, home.run(run_id).crashes) == (RunStatus.QUEUED, 0)
    assert home.run(run_id).halvings == halvings == batch.bit_length() - 1
    assert [one.kind for one in events.of(home.database, run_id)] == ["out_of_memory"] * halvings
    assert "Longest example" in str(home.run(run_id).hint)
