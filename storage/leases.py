"""Leases: who works on a row, until when, and how an older attempt is fenced off."""

import os
import socket
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

import psutil
from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from storage.errors import NotFound, Superseded
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow, RunRow, now

Row = TypeVar("Row", DatasetRow, BaseModelRow, AnalysisRow, RunRow)
AnyRow = DatasetRow | BaseModelRow | AnalysisRow | RunRow


def worker_name() -> str:
    """Return a name of this process that tells later whether it still lives."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_gone(worker: str) -> bool:
    """Tell whether the process of that name surely lives no more; a remote one never surely."""
    host, pid, started = worker.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" != started or process.status() == "zombie"
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


def orphans(session: Session, table: type[Row], active: Iterable[str]) -> list[Row]:
    """Return the rows whose worker is gone: its process has ended, or its lease has run out."""
    rows = session.scalars(select(table).where(table.status.in_(list(active))))
    return [row for row in rows if _abandoned(row)]


def release(row: AnyRow) -> None:
    """Let go of a row: nobody holds it, and the attempt that did may write no more."""
    row.worker = None
    row.lease_until = None


def _abandoned(row: AnyRow) -> bool:
    if row.worker is None or row.lease_until is None:
        return True
    return row.lease_until < now() or is_gone(row.worker)
