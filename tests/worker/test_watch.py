"""A watch sees one child through, whatever befalls it, and tells the database how it ended."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from storage import attempts, events, leases, runs, volumes, work
from storage.status import RunStatus, StopRequest, WorkStatus
from storage.tables import DatasetRow
from tests.fakes import entries
from tests.fakes.studio_worker import until
from tests.worker.conftest import Home
from worker import watch
from worker.children import Nursery
from worker.duties import RunDuty, WorkDuty
from worker.entries import DATASET, RUN, Entry
from worker.watch import Orders, Watch


class Watched:
    """A claimed run whose child does `do`, and the watch over it, in a thread."""

    def __init__(self, home: Home, do: Callable[..., Any]) -> None:
        if not any(run.status is RunStatus.QUEUED for run in runs.all_of(home.database, "local")):
            home.queued()
        claimed = attempts.claim(home.database, leases.worker_name(), 30)
        assert claimed is not None
        self.home, self.id, self._do = home, claimed.id, do
        self.orders = Orders()
        duty = RunDuty(home.database, home.settings, claimed, {RUN: Entry(do)})
        self.folder = duty.task.folder
        self._watch = Watch(duty, Nursery(), self.orders, 0.1)
        self._thread = threading.Thread(target=self._watch.run)
        self._thread.start()

    def again(self) -> "Watched":
        """Watch the next attempt."""
        return Watched(self.home, self._do)

    def ended(self) -> runs.Run:
        """Wait for the end and return the run as it is then."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.home.run(self.id)

    def until(self, file: str) -> None:
        """Wait until the child says by a file that it is so far."""
        until((self.folder / file).exists)


def test_a_child_that_finishes_finishes_the_run(home: Home) -> None:
    assert Watched(home, entries.finish).ended().status is RunStatus.FINISHED


def test_what_a_child_refuses_is_the_runs_error(home: Home) -> None:
    run = Watched(home, entries.refuse).ended()
    assert (run.status, run.error, run.hint) == (
        RunStatus.FAILED,
        "The file is empty.",
        "Choose another.",
    )


def test_a_bug_fails_the_run_without_its_details(home: Home) -> None:
    run = Watched(home, entries.stumble).ended()
    assert run.status is RunStatus.FAILED
    assert "unexpected" in (run.error or "")
    assert "foresaw" not in (run.error or "")


def test_last_words_of_a_full_disk_stop_the_run_at_once_and_name_the_volume(home: Home) -> None:
    run = Watched(home, entries.leave).ended()
    assert run.status is RunStatus.STOPPED
    assert re.fullmatch(r"The disk is full: [\d.]+ \w+ is free\.", run.error or "")
    assert str(volumes.of(home.settings.home)) in (run.hint or "")


def test_a_shutdown_lets_the_child_save_and_counts_as_no_crash(home: Home) -> None:
    watched = Watched(home, entries.save_when_told)
    watched.until("listens")
    watched.orders.closing.set()
    run = watched.ended()
    assert (run.status, run.crashes) == (RunStatus.QUEUED, 0)


def test_a_second_signal_kills_what_does_not_listen_and_counts_as_no_crash(home: Home) -> None:
    watched = Watched(home, entries.hang)
    watched.until("hangs")
    watched.orders.closing.set()
    watched.orders.hurry.set()
    run = watched.ended()
    assert (run.status, run.crashes) == (RunStatus.QUEUED, 0)


@pytest.mark.parametrize(
    ("request_", "status"),
    [(StopRequest.KEEP, RunStatus.STOPPED), (StopRequest.DISCARD, RunStatus.DISCARDED)],
)
def test_a_child_that_ignores_a_stop_is_killed_and_the_run_ends_as_asked(
    home: Home, monkeypatch: pytest.MonkeyPatch, request_: StopRequest, status: RunStatus
) -> None:
    monkeypatch.setitem(watch.PATIENCE, request_, (0.1, 0.3))
    watched = Watched(home, entries.hang)
    watched.until("hangs")
    runs.request_stop(home.database, "local", watched.id, request_)
    assert watched.ended().status is status


def test_a_child_that_gets_on_no_more_is_looked_into_ended_and_taken_up_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(watch.PATIENCE, watch.STANDSTILL, (0.0, 0.5))
    home.settings = home.settings.model_copy(update={"hang_seconds": 1.0})
    watched = Watched(home, entries.stand_still)
    first = watched.ended()
    assert (first.status, first.attempt, first.crashes) == (RunStatus.QUEUED, 1, 0)
    told = watched.folder / "standstill-1.txt"
    seen = told if told.is_file() else watched.folder / "log.txt"
    assert "stand_still" in seen.read_text(), "nobody looked at what it was doing"
    (event,) = events.of(home.database, first.id)
    assert event.words.startswith("The training stood still for ")
    assert "after step 3" in event.words

    second = watched.again().ended()
    assert (second.status, second.attempt) == (RunStatus.FAILED, 2)
    assert "The attempt before had stood still as well." in (second.error or "")
    assert "standstill-2.txt" in (second.hint or "")


def test_a_child_whose_attempt_was_replaced_is_killed(home: Home) -> None:
    watched = Watched(home, entries.hang)
    watched.until("hangs")
    attempts.put_back(home.database, watched.id, 1, "taken away")
    again = attempts.claim(home.database, leases.worker_name(), 30)
    assert again is not None
    watched._thread.join(20)
    assert home.run(watched.id).attempt == 2
    assert home.run(watched.id).worker == leases.worker_name()


def test_what_a_child_has_found_stands_in_the_row(home: Home) -> None:
    identifier = home.dataset()
    row = work.claim(home.database, DatasetRow, "test", 30)
    duty = WorkDuty(home.database, home.settings, row, {DATASET: Entry(entries.find)})
    Watch(duty, Nursery(), Orders(), 0.1).run()
    found = home.found(identifier)
    assert (found.status, found.rows_good, found.shape) == (WorkStatus.READY, 3, "messages")


def test_work_that_is_refused_fails_with_the_words(home: Home) -> None:
    identifier = home.dataset()
    row = work.claim(home.database, DatasetRow, "test", 30)
    duty = WorkDuty(home.database, home.settings, row, {DATASET: Entry(entries.refuse)})
    Watch(duty, Nursery(), Orders(), 0.1).run()
    assert home.found(identifier).error == "The file is empty."


def test_only_a_child_that_downloads_is_given_the_token(home: Home) -> None:
    home.dataset()
    row = work.claim(home.database, DatasetRow, "test", 30)
    settings = home.settings.model_copy(update={"environment_hub_token": "hf_x"})
    for online, token in ((False, None), (True, "hf_x")):
        table = {DATASET: Entry(entries.find, online=online)}
        task = WorkDuty(home.database, settings, row, table).task
        assert task.settings.environment_hub_token == token
