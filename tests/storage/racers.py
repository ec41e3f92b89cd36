"""Processes that race for one database: `racers.py KIND HOME COUNT TURNS` prints what each got.

A script of its own: it imports everything once, forks before any connection is open, and lets all
racers start at the same moment.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from storage import attempts, audit, database, leases, metrics, runs
from storage.audit import Action
from storage.database import Database
from storage.settings import Settings
from storage.tables import RunRow

PATIENCE = 240.0
"""Seconds in which somebody who was turned away tries again, as workers and trainings do."""

Done = TypeVar("Done")


def patiently(act: Callable[[], Done]) -> Done:
    """Do something, again and again where the database was held by others for too long."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return act()
        except OperationalError as error:
            if "locked" not in str(error.orig) or time.monotonic() >= deadline:
                raise


def claim(settings: Settings, turns: int) -> list[str]:
    """Claim runs until none is left; returns their ids."""
    opened, claimed = Database(settings.database), []
    while run := patiently(lambda: attempts.claim(opened, leases.worker_name(), 60)):
        claimed.append(run.id)
    return claimed


def count(settings: Settings, turns: int) -> list[str]:
    """Read a number and write it back one higher, that many times."""
    opened = Database(settings.database)

    def add_one() -> None:
        with opened.write() as session:
            row = session.query(RunRow).one()
            row.total_steps = row.total_steps + 1

    for _ in range(turns):
        patiently(add_one)
    return []


def open_home(settings: Settings, turns: int) -> list[str]:
    """Open a home that may be fresh; returns the versions that its database names."""
    opened = database.opened(settings)
    with opened.read() as session:
        return list(session.scalars(text("SELECT version_num FROM alembic_version")))


def write(settings: Settings, turns: int) -> list[str]:
    """Write points of a curve of one's own, fifty a second; returns how long each write took.

    Like a training, it tries again what a busy database has not taken.
    """
    opened, took, name = Database(settings.database), [], f"loss {os.getpid()}"
    with opened.read() as session:
        run = session.scalars(select(RunRow)).one()
    for step in range(turns):
        began = time.monotonic()
        point = metrics.Point(name, step, 1.0)
        patiently(
            lambda step=step, point=point: metrics.report(
                opened, run.id, run.attempt, [point], step=step
            )
        )
        took.append(f"{time.monotonic() - began:.4f}")
        time.sleep(max(0.02 - (time.monotonic() - began), 0))
    return took


def look(settings: Settings, turns: int) -> list[str]:
    """Read what a page shows, twice a second for each of twenty tabs, until a file says enough."""
    opened, cursor = Database(settings.database), None
    while not (settings.home / "enough").exists():
        for run in runs.all_of(opened, "anna"):
            cursor = metrics.after(opened, run.id, cursor).cursor
        time.sleep(0.5 / 20)
    return []


def note(settings: Settings, turns: int) -> list[str]:
    """Note that many downloads in the audit trail; returns the numbers of the entries."""
    opened, numbers = Database(settings.database), []

    def note_one() -> None:
        with opened.write() as session:
            entry = audit.note(session, "anna", Action.DOWNLOADED, f"by_{os.getpid()}", {})
        numbers.append(str(entry.number))

    for _ in range(turns):
        patiently(note_one)
    return numbers


KINDS: dict[str, Callable[[Settings, int], list[str]]] = {
    "claim": claim,
    "count": count,
    "open": open_home,
    "write": write,
    "look": look,
    "note": note,
}


def main(kind: str, home: str, racers: int, turns: int) -> None:
    """Let the racers run and print, one line each, the list that each one returned."""
    fork = multiprocessing.get_context("fork")
    line, results = fork.Barrier(racers), fork.Queue()

    def race() -> None:
        line.wait()
        try:
            results.put(KINDS[kind](Settings(home=Path(home)), turns))
        except BaseException as error:
            results.put([f"{type(error).__name__}: {error}"])
            raise

    started: list[Any] = [fork.Process(target=race) for _ in range(racers)]
    for process in started:
        process.start()
    for _ in started:
        sys.stdout.write(json.dumps(results.get(timeout=3000)) + "\n")
    for process in started:
        process.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
