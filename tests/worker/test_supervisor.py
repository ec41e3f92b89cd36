"""The supervisor fills its places and no more."""

import socket
from collections.abc import Iterator
from unittest.mock import PropertyMock, patch

import pytest

from storage import analyses, attempts, audit, audit_rules, work
from storage.analyses import Analysis, Kind
from storage.audit_rules import Rules
from storage.base_models import Source
from storage.ids import LOCAL_PERSON
from storage.status import RunStatus, WorkStatus
from storage.tables import DatasetRow
from tests.fakes import entries
from tests.fakes.nvml import FakeNvml
from tests.fakes.studio_worker import until
from tests.worker.conftest import Home
from worker import devices
from worker.cards import Cards
from worker.children import Nursery
from worker.entries import DATASET, RUN, Entry
from worker.reconciler import Reconciler
from worker.supervisor import Supervisor

TABLE = {
    Kind.CARE: Entry(entries.save_when_told),
    Kind.PREVIEW: Entry(entries.save_when_told),
    RUN: Entry(entries.save_when_told),
    DATASET: Entry(entries.save_when_told),
    Source.FOLDER: Entry(entries.save_when_told),
}


@pytest.fixture
def supervisor(home: Home) -> Iterator[Supervisor]:
    """Return a supervisor whose nursery counts as warm, and close it in the end."""
    with patch.object(Nursery, "is_warm", PropertyMock(return_value=True)):
        made = Supervisor(home.settings, home.database, Nursery(), TABLE)
        yield made
        made.close()


def test_one_run_trains_at_a_time(home: Home, supervisor: Supervisor) -> None:
    first, second = home.queued(), home.queued()
    for _ in range(3):
        supervisor.look()
    until(lambda: home.run(first.id).status is RunStatus.RUNNING)
    assert home.run(second.id).status is RunStatus.QUEUED


def test_on_two_cards_two_runs_train_each_with_its_own_in_sight(home: Home) -> None:
    queued = [home.queued() for _ in range(3)]
    table = TABLE | {RUN: Entry(entries.tell_and_wait)}
    machine = devices.of_machine(None, Cards(FakeNvml(["GPU-00aa", "GPU-01bb"])))
    with (
        patch.object(Nursery, "is_warm", PropertyMock(return_value=True)),
        patch.object(devices, "of_machine", return_value=machine),
    ):
        supervisor = Supervisor(home.settings, home.database, Nursery(), table)
    with patch.object(Nursery, "is_warm", PropertyMock(return_value=True)):
        supervisor.look()
        told = [home.settings.home / "runs" / run.id / "listens" for run in queued]
        until(lambda: all(file.exists() and file.read_text() for file in told[:2]))
        assert [home.run(run.id).device for run in queued] == ["0", "1", None]
        assert [file.read_text() for file in told[:2]] == ["GPU-00aa", "GPU-01bb"]
        assert home.run(queued[2].id).status is RunStatus.QUEUED
        supervisor.close()


def test_no_run_is_claimed_before_the_libraries_are_there(home: Home) -> None:
    run = home.queued()
    Supervisor(home.settings, home.database, Nursery(), TABLE).look()
    assert home.run(run.id).status is RunStatus.QUEUED


def test_two_files_are_read_at_once_and_the_third_waits(home: Home, supervisor: Supervisor) -> None:
    names = [home.dataset(letter * 64) for letter in "abc"]
    supervisor.look()
    statuses = [home.found(name).status for name in names]
    assert statuses == [WorkStatus.WORKING, WorkStatus.WORKING, WorkStatus.WAITING]


def test_a_place_that_is_free_is_filled_at_once(home: Home) -> None:
    names = [home.dataset(letter * 64) for letter in "abcd"]
    table = TABLE | {DATASET: Entry(entries.find)}
    supervisor = Supervisor(home.settings, home.database, Nursery(), table)
    supervisor.look()  # one look: the others follow by themselves
    until(lambda: all(home.found(name).status is WorkStatus.READY for name in names))


def asked(home: Home, kind: Kind, letter: str) -> Analysis:
    """Return a question about a dataset that is ready."""
    name = home.dataset(letter * 64)
    row = work.claim(home.database, DatasetRow, "test", 30, DatasetRow.id == name)
    assert row is not None
    work.finish(home.database, DatasetRow, (row.id, row.attempt))
    return analyses.ask(home.database, LOCAL_PERSON, name, kind)


def test_who_waits_for_an_answer_never_waits_behind_a_long_study(
    home: Home, supervisor: Supervisor
) -> None:
    studies = [asked(home, Kind.CARE, letter) for letter in "abc"]
    quick = asked(home, Kind.PREVIEW, "d")
    waiting = home.dataset("e" * 64)
    supervisor.look()
    statuses = [
        analyses.get(home.database, LOCAL_PERSON, each.id).status for each in (*studies, quick)
    ]
    at_work, waits = WorkStatus.WORKING, WorkStatus.WAITING
    assert statuses == [at_work, waits, waits, at_work]
    assert home.found(waiting).status is at_work


def test_a_dataset_that_is_ready_is_looked_at_with_care(home: Home) -> None:
    name = home.dataset()
    table = TABLE | {DATASET: Entry(entries.find)}
    Supervisor(home.settings, home.database, Nursery(), table).look()
    until(lambda: home.found(name).status is WorkStatus.READY)
    until(lambda: analyses.latest(home.database, LOCAL_PERSON, name, Kind.CARE) is not None)


def test_after_closing_everything_waits_again_and_nothing_is_claimed(
    home: Home, supervisor: Supervisor
) -> None:
    run, name = home.queued(), home.dataset("b" * 64)
    supervisor.look()
    folders = [home.settings.home / "runs" / run.id, home.settings.home / "work" / name]
    until(lambda: all((folder / "listens").exists() for folder in folders))
    supervisor.close()
    supervisor.look()
    assert (home.run(run.id).status, home.run(run.id).crashes) == (RunStatus.QUEUED, 0)


class TestReconciler:
    """Rounds find what was lost."""

    def test_a_round_takes_back_what_a_dead_worker_held_and_starts_it(
        self, home: Home, supervisor: Supervisor
    ) -> None:
        from storage import work  # noqa: PLC0415  (only here)
        from storage.tables import DatasetRow  # noqa: PLC0415

        run, name = home.queued(), home.dataset("b" * 64)
        dead = f"{socket.gethostname()}:1:before this machine was started"
        assert attempts.claim(home.database, dead, 30)
        assert work.claim(home.database, DatasetRow, dead, 30)
        Reconciler(home.settings, home.database, supervisor).round()
        assert (home.run(run.id).attempt, home.run(run.id).crashes) == (2, 1)
        assert home.found(name).status is WorkStatus.WORKING

    def test_a_round_removes_what_the_audit_trail_need_not_keep_any_more(
        self, home: Home, supervisor: Supervisor
    ) -> None:
        with patch("time.time", return_value=1e9):
            audit_rules.write(home.database, LOCAL_PERSON, Rules(days=30))
        Reconciler(home.settings, home.database, supervisor).round()
        [entry] = audit.entries(home.database, audit.Wanted())
        assert (entry.action, entry.told["entries"]) == ("trail_shortened", 1)

    @pytest.mark.parametrize(("seconds", "slept"), [(0.2, False), (14, False), (16, True)])
    def test_after_a_sleep_the_heartbeats_come_first(
        self, home: Home, supervisor: Supervisor, seconds: float, slept: bool
    ) -> None:
        reconciler = Reconciler(home.settings, home.database, supervisor)
        assert reconciler._has_slept(seconds) is slept
