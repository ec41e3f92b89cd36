"""Background work, on datasets, models, questions: claim, report, finish, fail, recover."""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select

from storage import leases
from storage.database import Database
from storage.errors import NotFound, StudioError, Superseded
from storage.status import WORK_MOVES, WorkStatus
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow
from storage.trust_tables import EvaluationRow

Row = TypeVar("Row", DatasetRow, BaseModelRow, AnalysisRow, EvaluationRow)
AnyRow = DatasetRow | BaseModelRow | AnalysisRow | EvaluationRow

MOST_CRASHES = 3
"""So often is work taken up again whose process died; then it has failed."""


def claim(
    database: Database,
    table: type[Row],
    worker: str,
    seconds: float,
    *conditions: ColumnElement[bool],
) -> Row | None:
    """Claim the oldest waiting row for a worker, under a lease of that many seconds.

    Only rows that fulfil the conditions, if any are given.
    """
    with database.write() as session:
        oldest = (
            select(table.id)
            .where(table.status == WorkStatus.WAITING, table.deleted_at.is_(None), *conditions)
            .order_by(table.created_at)
            .limit(1)
        )
        row = leases.take(
            session,
            table,
            table.id == oldest.scalar_subquery(),
            (WorkStatus.WAITING, WorkStatus.WORKING),
        )
        if row is not None:
            row.worker, row.lease_until = worker, leases.until(seconds)
            row.stage, row.progress, row.error, row.hint = "", 0.0, None, None
        return row


def heartbeat(
    database: Database, table: type[Row], identifier: str, attempt: int, seconds: float
) -> None:
    """Extend the lease. Raises Superseded where a newer attempt holds the row."""
    with database.write() as session:
        leases.extend(session, table, identifier, attempt, leases.until(seconds))


def report(
    database: Database, table: type[Row], key: tuple[str, int], share: float, words: str
) -> None:
    """Note how far the work is: `share` from 0 to 1, and what is being done. `key`: id, attempt.

    Raises:
        Superseded: a newer attempt holds the row; or its person has deleted it, and it now waits
            to be brought back.
    """
    with database.write() as session:
        row = leases.guard(session, table, *key)
        row.progress, row.stage = min(max(share, 0.0), 1.0), words
        is_deleted = row.deleted_at is not None
        if is_deleted:
            _move(row, WorkStatus.WAITING)
    if is_deleted:
        raise Superseded(f"{key[0]} was deleted while it was being prepared.")


def finish(database: Database, table: type[Row], key: tuple[str, int], **found: Any) -> None:
    """Note the result of the work (columns by name) and that the row is ready."""
    _note(database, table, key, WorkStatus.READY, found)


def ask(database: Database, table: type[Row], key: tuple[str, int], **found: Any) -> None:
    """Note what the worker must be told before it can go on (columns by name)."""
    _note(database, table, key, WorkStatus.UNSURE, found)


def fail(database: Database, table: type[Row], key: tuple[str, int], error: StudioError) -> None:
    """Note why the work cannot be done, in the person's words."""
    with database.write() as session:
        row = leases.guard(session, table, *key)
        row.error, row.hint = error.message, error.hint
        _move(row, WorkStatus.FAILED)


def crashed(database: Database, table: type[Row], key: tuple[str, int], reason: str) -> None:
    """Note that the process of the work died: it waits again, three times at most."""
    with database.write() as session:
        _put_back(leases.guard(session, table, *key), reason)


def release(database: Database, table: type[Row], key: tuple[str, int]) -> None:
    """Let work wait again because its worker shuts down in order; that counts as no crash."""
    with database.write() as session:
        _move(leases.guard(session, table, *key), WorkStatus.WAITING)


def recover(database: Database, table: type[Row], heard: leases.Heard) -> list[str]:
    """Put work back whose worker is dead, or silent; returns the ids."""
    with database.write() as session:
        rows = leases.orphans(session, table, [WorkStatus.WORKING], heard)
        for row in rows:
            _put_back(row, "The studio was stopped while this was being prepared.")
        return [row.id for row in rows]


def retry(database: Database, table: type[Row], identifier: str, owner: str) -> None:
    """Let failed work be tried again.

    Raises:
        NotFound: there is no such row of that owner.
        StudioError: it has not failed.
    """
    with database.write() as session:
        row = session.get(table, identifier)
        if row is None or row.owner != owner:
            raise NotFound(f"There is nothing with the id {identifier}.")
        if row.status != WorkStatus.FAILED:
            raise StudioError(f"{row.name} has not failed.", "There is nothing to try again.")
        row.crashes = 0
        _move(row, WorkStatus.WAITING)


def anything_waiting(database: Database, table: type[Row]) -> bool:
    """Tell whether a row waits for a worker."""
    with database.read() as session:
        waiting = select(table.id).where(
            table.status == WorkStatus.WAITING, table.deleted_at.is_(None)
        )
        return session.scalars(waiting.limit(1)).first() is not None


def _note(
    database: Database,
    table: type[Row],
    key: tuple[str, int],
    status: WorkStatus,
    found: dict[str, Any],
) -> None:
    with database.write() as session:
        row = leases.guard(session, table, *key)
        for name, value in found.items():
            setattr(row, name, value)
        row.progress, row.stage = float(status is WorkStatus.READY), ""
        _move(row, status)


def _put_back(row: AnyRow, reason: str) -> None:
    row.crashes += 1
    if row.crashes < MOST_CRASHES:
        _move(row, WorkStatus.WAITING)
        return
    row.error = f"Preparing {row.name} was tried {row.crashes} times without success. {reason}"
    row.hint = "Try again; if it fails again, look at the worker's log."
    _move(row, WorkStatus.FAILED)


def _move(row: AnyRow, target: WorkStatus) -> None:
    if target not in WORK_MOVES[WorkStatus(row.status)]:
        raise StudioError(f"{row.name} is {row.status} and cannot become {target}.")
    row.status = target
    leases.release(row)
