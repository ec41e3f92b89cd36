"""A disk that never answers, memory that runs out, a run of another version: each is said."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import events, runs
from storage.status import RunStatus
from storage.tables import RunRow
from tests.fakes.file_events import Way, file_events
from tests.fakes.studio_worker import StudioWorker, Town, runs_on, until
from tests.faults.conftest import SPEC, Result, result


@pytest.mark.slow
def test_a_run_whose_disk_hangs_is_looked_into_ended_and_goes_on_once(
    new_town: Callable[[], Town], tmp_path: Path, reference: Result
) -> None:
    town = new_town()
    files = file_events(tmp_path, town.home.home / "runs")
    worker = town.worker(environment=files.environment, hang_seconds=10.0).wait_until_warm()
    run_id = town.start(**SPEC)
    until(lambda: town.run(run_id).checkpoint_step >= 10)
    files.arm(5, Way.HANG)
    until(lambda: files.has_cut)
    hung = worker.child()
    until(lambda: town.run(run_id).attempt == 2)
    assert not runs_on(hung)
    looked = town.home.files.run(run_id) / "standstill-1.txt"
    told = looked if looked.is_file() else town.home.files.log_file(run_id)
    assert "publish" in told.read_text() or "save" in told.read_text(), "nobody looked"
    (event,) = events.of(town.home.database, run_id)
    assert event.words.startswith("The training stood still for ")
    town.wait_for(run_id)
    assert len(runs.attempts(town.home.database, run_id)) == 2
    assert result(town, run_id) == reference


@pytest.fixture
def short_of_memory(new_town: Callable[[], Town], tmp_path: Path) -> tuple[Town, Path]:
    """Return a town whose worker reads the system's count of kills for memory from a file."""
    unshare = shutil.which("unshare")
    if sys.platform != "linux" or os.geteuid() != 0 or unshare is None:
        pytest.skip("only root on Linux can let one process see another count")
    count = tmp_path / "vmstat"
    count.write_text("oom_kill 0\n")
    mount = f'mount --bind {count} /proc/vmstat && exec "$@"'
    below = [unshare, "--mount", "sh", "-c", mount, "sh"]
    if subprocess.run([*below, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system lets no process see another count")
    town = new_town()
    town.worker(below=below).wait_until_warm()
    return town, count


def test_a_run_killed_as_memory_ran_out_goes_on_with_half_the_batch_and_says_so(
    short_of_memory: tuple[Town, Path],
) -> None:
    town, count = short_of_memory
    (worker,) = town.workers
    run_id = town.start(**SPEC)
    until(lambda: town.run(run_id).checkpoint_step)
    child = worker.child()
    assert int(Path(f"/proc/{child.pid}/oom_score_adj").read_text()) == 800, "it goes first"
    assert int(Path(f"/proc/{worker.pid}/oom_score_adj").read_text()) < 800
    count.write_text("oom_kill 1\n")
    child.kill()
    run = town.wait_for(run_id)
    first, second = runs.attempts(town.home.database, run_id)
    assert "memory" in first["outcome"]
    assert (run.halvings, run.crashes, second["resumed_step"] >= 10) == (1, 0, True)
    (event,) = events.of(town.home.database, run_id)
    assert event.kind == "out_of_memory"
    assert "1 instead of 2 at once" in event.words
    assert worker.is_alive


@pytest.mark.parametrize(
    ("change", "status"),
    [({"mix_in_dreams": False}, RunStatus.FINISHED), ({"mix_in_dreams": 3}, RunStatus.FAILED)],
)
def test_a_run_that_another_version_queued_runs_as_it_was_meant_or_says_why_not(
    town: Town, worker: StudioWorker, reference: Result, change: dict, status: RunStatus
) -> None:
    with town.home.database.write() as session:
        run_id = town.home.queue(*town.ids, **SPEC).id
        row = session.get_one(RunRow, run_id)
        row.spec = {k: v for k, v in row.spec.items() if k != "retry_smaller"} | change
    town.ring()
    run = town.wait_for(run_id, RunStatus.FINISHED, RunStatus.FAILED)
    assert (run.status, run.attempt) == (status, 1)
    if status is RunStatus.FINISHED:
        assert result(town, run_id) == reference
    else:
        assert "mix_in_dreams" in (run.error or "")
        assert "Duplicate the run" in (run.hint or "")
