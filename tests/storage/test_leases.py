"""Leases: who is gone, whose lease ran out, and that an older attempt writes nothing more."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psutil
import pytest

from storage import adapters, attempts, leases, metrics, runs, tables, work
from storage.errors import NotFound, Superseded
from storage.status import RunStatus, WorkStatus
from storage.tables import DatasetRow

POINT = metrics.Point("loss", 1, 2.5)
ADAPTER = {"step": 1, "eval_loss": None, "bytes": 1, "sha256": "0" * 64}

WRITES: dict[str, Callable[[Any, str, int], object]] = {
    "report": lambda opened, run, attempt: metrics.report(opened, run, attempt, [POINT], step=1),
    "resume": lambda opened, run, attempt: metrics.resume_from(opened, run, attempt, 0),
    "begin": lambda opened, run, attempt: attempts.begin(opened, run, attempt),
    "heartbeat": lambda opened, run, attempt: attempts.heartbeat(opened, run, attempt, 30),
    "end": lambda opened, run, attempt: attempts.end(
        opened, run, attempt, RunStatus.FINISHED, "done"
    ),
    "put back": lambda opened, run, attempt: attempts.put_back(opened, run, attempt, "died"),
    "release": lambda opened, run, attempt: attempts.release(opened, run, attempt),
    "publish": lambda opened, run, attempt: adapters.publish(
        opened, run, attempt, "adapter_000000000001", ADAPTER
    ),
}


@pytest.mark.parametrize("write", sorted(WRITES))
def test_an_attempt_that_was_replaced_writes_nothing_more(story: Any, write: str) -> None:
    run = story.running()
    attempts.put_back(story.database, run.id, 1, "taken for dead")
    second = story.claimed()
    with pytest.raises(Superseded, match=r"Attempt 1 of run_\w+ is over; attempt 2 counts"):
        WRITES[write](story.database, run.id, 1)
    assert runs.get(story.database, "anna", run.id) == second
    assert metrics.after(story.database, run.id).points == []
    assert adapters.all_of(story.database, "anna") == []


@pytest.mark.parametrize("write", sorted(WRITES))
def test_a_run_that_nobody_holds_takes_no_writes_even_of_its_last_attempt(
    story: Any, write: str
) -> None:
    run = story.running()
    ended = attempts.end(story.database, run.id, 1, RunStatus.STOPPED, "by request")
    with pytest.raises(Superseded):
        WRITES[write](story.database, run.id, 1)
    assert runs.get(story.database, "anna", run.id) == ended


@pytest.mark.parametrize("write", sorted(WRITES))
def test_a_run_that_does_not_exist_is_not_found(story: Any, write: str) -> None:
    with pytest.raises(NotFound):
        WRITES[write](story.database, "run_000000000000", 1)


def test_work_on_a_dataset_is_fenced_in_the_same_way(story: Any) -> None:
    identifier = story.dataset()
    work.claim(story.database, DatasetRow, story.worker, 30)
    work.crashed(story.database, DatasetRow, (identifier, 1), "it died")
    row = work.claim(story.database, DatasetRow, story.worker, 30)
    assert row.attempt == 2
    for late in (
        lambda: work.report(story.database, DatasetRow, (identifier, 1), 0.5, "reading"),
        lambda: work.heartbeat(story.database, DatasetRow, identifier, 1, 30),
        lambda: work.finish(story.database, DatasetRow, (identifier, 1), rows_good=7),
        lambda: work.fail(story.database, DatasetRow, (identifier, 1), NotFound("gone")),
        lambda: work.crashed(story.database, DatasetRow, (identifier, 1), "again"),
    ):
        with pytest.raises(Superseded):
            late()
    with story.database.read() as session:
        found = session.get_one(DatasetRow, identifier)
        assert (found.status, found.progress, found.rows_good) == (WorkStatus.WORKING, 0.0, 0)


def test_this_process_is_alive() -> None:
    assert not leases.is_gone(leases.worker_name())


@pytest.fixture
def process() -> Any:
    """Return a process that sleeps, and that is gone for sure when the test ends."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield child
    child.kill()
    child.wait()


def test_a_killed_process_is_gone_before_and_after_its_parent_noticed(process: Any) -> None:
    name = leases.name_of(process.pid)
    assert not leases.is_gone(name)
    os.kill(process.pid, signal.SIGKILL)
    _until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert leases.is_gone(name)
    process.wait()
    assert leases.is_gone(name)


def test_another_process_with_the_same_number_is_not_the_worker(process: Any) -> None:
    earlier = f"{socket.gethostname()}:{process.pid}:{time.time() - 86_400:.2f}"
    assert leases.is_gone(earlier)


def test_a_process_of_another_machine_is_never_surely_gone() -> None:
    assert not leases.is_gone("elsewhere.example:1:0.00")


def test_a_worker_keeps_its_name_when_the_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, process: Any
) -> None:
    before = leases.name_of(process.pid)
    began = psutil.Process(process.pid).create_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: 7200.0)  # as a clock set back gives
    assert psutil.Process(process.pid).create_time() != began, "the fault did not happen"
    assert leases.name_of(process.pid) == before
    assert not leases.is_gone(before)


@pytest.mark.parametrize("worker", ["mine", "elsewhere.example:1:0.00"])
def test_a_run_is_taken_back_when_its_worker_was_silent_for_a_lease(
    story: Any, worker: str
) -> None:
    run = story.queued()
    attempts.claim(story.database, story.worker if worker == "mine" else worker, 30)
    heard = leases.Heard(0.2)
    assert attempts.recover(story.database, heard) == []
    time.sleep(0.25)
    assert attempts.recover(story.database, heard) == [run.id]
    assert runs.get(story.database, "anna", run.id).status == RunStatus.QUEUED


def test_a_run_is_taken_back_at_once_when_its_worker_is_dead(story: Any, process: Any) -> None:
    run = story.queued()
    attempts.claim(story.database, leases.name_of(process.pid), 30)
    process.kill()
    process.wait()
    assert attempts.recover(story.database, leases.Heard(600)) == [run.id]


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set_ends_no_lease_and_keeps_none_alive(
    story: Any, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    run = story.queued()
    story.claimed(seconds=1)
    heard = leases.Heard(0.3)
    attempts.recover(story.database, heard)
    moved = tables.now() + timedelta(hours=hours)
    monkeypatch.setattr(leases, "now", lambda: moved)
    for _ in range(4):  # heartbeats told by the new clock, for longer than a lease
        time.sleep(0.1)
        attempts.heartbeat(story.database, run.id, 1, 1)
        moved += timedelta(microseconds=1)
        assert attempts.recover(story.database, heard) == []
    time.sleep(0.35)
    assert attempts.recover(story.database, heard) == [run.id]


def test_who_was_paused_itself_hears_anew_before_it_takes_anything_back(story: Any) -> None:
    story.queued()
    story.claimed()
    heard = leases.Heard(0.1)
    attempts.recover(story.database, heard)
    time.sleep(0.15)
    heard.forget()
    assert attempts.recover(story.database, heard) == []


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "it did not happen in ten seconds"
        time.sleep(0.01)
