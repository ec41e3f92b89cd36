"""Leases: who works on a row, until when, and how an older attempt is fenced off."""

import os
import socket
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import psutil
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from storage.errors import NotFound, Superseded
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow, RunRow, now
from storage.trust_tables import EvaluationRow

Row = TypeVar("Row", DatasetRow, BaseModelRow, AnalysisRow, EvaluationRow, RunRow)
AnyRow = DatasetRow | BaseModelRow | AnalysisRow | EvaluationRow | RunRow


class Heard:
    """When each lease was last seen to change, by a clock of this process that nobody sets.

    The end of a lease that stands in its row was told by the clock of the machine that holds it,
    which may be wrong, or may be set meanwhile. So a lease is over when nobody has extended it
    while this process watched it for as long as a lease is.

    Args:
        seconds: how long a lease is.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: dict[str, dict[str, tuple[int, datetime | None, float]]] = {}

    def forget(self) -> None:
        """Begin anew: this process was not awake to hear."""
        self._seen.clear()

    def silent(self, table: type[Row], rows: Iterable[Row]) -> list[Row]:
        """Return those of the rows that a worker holds whose leases were not extended in time."""
        before, at = self._seen.get(table.__tablename__, {}), time.monotonic()
        seen = {row.id: (row.attempt, row.lease_until, at) for row in rows}
        for identifier, (attempt, end, since) in before.items():
            if identifier in seen and seen[identifier][:2] == (attempt, end):
                seen[identifier] = (attempt, end, since)
        self._seen[table.__tablename__] = seen
        return [row for row in rows if at - seen[row.id][2] >= self._seconds]


def worker_name() -> str:
    """Return a name of this process that tells later whether it still lives."""
    return name_of(os.getpid())


def name_of(pid: int) -> str:
    """Return the name that a worker with that process number gives itself.

    Raises:
        psutil.NoSuchProcess: there is none.
    """
    return f"{socket.gethostname()}:{pid}:{_began(pid)}"


def is_gone(worker: str) -> bool:
    """Tell whether the process of that name surely lives no more; a remote one never surely."""
    host, _, process = worker.partition(":")
    if host != socket.gethostname():
        return False
    pid, _, began = process.partition(":")
    try:
        return _began(int(pid)) != began or psutil.Process(int(pid)).status() == "zombie"
    except psutil.NoSuchProcess:
        return True


def until(seconds: float) -> datetime:
    """Return the moment a lease of that many seconds ends, counted from now."""
    return now() + timedelta(seconds=seconds)


def take(
    session: Session, table: type[Row], choice: ColumnElement[bool], moves: tuple[str, str]
) -> Row | None:
    """Move the row that `choice` picks from one status to another, by compare-and-set.

    Opens a new attempt. Returns None where another worker was faster.
    """
    before, after = moves
    statement = (
        update(table)
        .where(choice, table.status == before)
        .values(status=after, attempt=table.attempt + 1)
        .returning(table)
    )
    return session.scalars(statement).first()


def extend(session: Session, table: type[Row], identifier: str, attempt: int, end: datetime) -> Row:
    """Extend the lease of an attempt and return its row.

    Raises:
        Superseded: a newer attempt holds the row, or nobody does any more.
    """
    row = guard(session, table, identifier, attempt)
    row.lease_until = end
    return row


def guard(session: Session, table: type[Row], identifier: str, attempt: int) -> Row:
    """Return the row if `attempt` still holds it; every write of a worker starts here.

    Raises:
        NotFound: there is no such row.
        Superseded: a newer attempt holds it, or nobody does any more.
    """
    row = session.get(table, identifier)
    if row is None:
        raise NotFound(f"There is nothing with the id {identifier}.")
    if row.attempt != attempt or row.worker is None:
        raise Superseded(
            f"Attempt {attempt} of {identifier} is over; attempt {row.attempt} counts."
        )
    return row


def orphans(session: Session, table: type[Row], active: Iterable[str], heard: Heard) -> list[Row]:
    """Return the rows whose worker is gone: its process has ended, or its lease has run out."""
    rows = session.scalars(select(table).where(table.status.in_(list(active)))).all()
    silent = {row.id for row in heard.silent(table, rows)}
    return [row for row in rows if row.id in silent or row.worker is None or is_gone(row.worker)]


def release(row: AnyRow) -> None:
    """Let go of a row: nobody holds it, and the attempt that did may write no more."""
    row.worker = None
    row.lease_until = None


def _began(pid: int) -> str:
    """Return when a process began, told so that setting the clock does not change it.

    (What psutil tells is counted from the moment of the start of the machine by today's clock.)
    """
    if sys.platform != "linux":
        return f"{psutil.Process(pid).create_time():.2f}"
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
    ticks = text.rsplit(")", 1)[1].split()[19]  # after the name, which may hold anything
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{boot.read_text().strip() if boot.is_file() else ''}@{ticks}"
