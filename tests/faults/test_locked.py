"""Somebody holds a database for seconds: who presses Start waits, and is not turned away."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage import runs
from storage.database import Database
from tests.fakes.studio_worker import Town
from worker.tasks import Doorbell

SECONDS = [pytest.param(2.0, id="short"), pytest.param(8.0, marks=pytest.mark.slow, id="long")]


@contextmanager
def held(hold: Callable[[float], None], seconds: float) -> Iterator[None]:
    """Hold something in another thread meanwhile."""
    holder = threading.Thread(target=hold, args=(seconds,))
    holder.start()
    time.sleep(0.5)
    yield
    holder.join()


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_run_is_taken_in_while_another_process_writes_for_long(
    new_town: Callable[[], Town], seconds: float
) -> None:
    town = new_town()

    def hold(how_long: float) -> None:
        other = Database(town.home.settings.database)
        with other.write():
            time.sleep(how_long)
        other.close()

    began = time.monotonic()
    with held(hold, seconds):
        run = town.home.queue(*town.ids, max_steps=2)
    assert time.monotonic() - began >= seconds - 0.5, "the fault did not happen"
    assert [one.id for one in runs.all_of(town.home.database, run.owner)] == [run.id]


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_bell_that_somebody_holds_keeps_nobody_waiting_for_long(
    tmp_path: Path, new_town: Callable[[], Town], seconds: float
) -> None:
    town = new_town()
    bell = Doorbell(town.home.settings)
    bell.ring()

    def hold(how_long: float) -> None:
        other = sqlite3.connect(town.home.settings.queue_file, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(how_long)
        other.close()

    with held(hold, seconds):
        began = time.monotonic()
        bell.ring()
        assert time.monotonic() - began < (5 if seconds > 5 else 30)
