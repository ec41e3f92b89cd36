"""The kills of the system's out-of-memory killer are counted where the system tells of them."""

import signal
from pathlib import Path

from storage.errors import OutOfMemory
from worker import failures, memory_kills
from worker.endings import OUT_OF_MEMORY

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
