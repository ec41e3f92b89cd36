"""Runs by the page: found by state and name, newest first, whole or as the lines of a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from storage import specs
from storage.database import Database
from storage.runs import Run
from storage.status import RESUMABLE, RunStatus, StopRequest
from storage.tables import RunRow

Kind = TypeVar("Kind", Run, "RunLine")


class RunLine(BaseModel):
    """What a list shows of a run; its settings and what was found stay in the database."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    name: str
    created_at: datetime
    status: RunStatus
    stage: str
    progress: float
    step: int
    total_steps: int
    seconds: float
    error: str | None
    stop_request: StopRequest | None
    adapter_id: str | None
    base_model_id: str
    checkpoint_step: int
    sweep_id: str | None
    method: str

    @property
    def is_resumable(self) -> bool:
        """Tell whether a person may put it back into the queue."""
        return self.status in RESUMABLE


@dataclass(frozen=True)
class Wanted:
    """Which runs.

    Attributes:
        statuses: these states; empty: all.
        words: in the name, upper and lower case alike.
        deleted: the deleted ones instead of the others.
    """

    statuses: Sequence[RunStatus] = ()
    words: str = ""
    deleted: bool = False


@dataclass(frozen=True)
class Page(Generic[Kind]):
    """Some runs, how many there are in all, and the id to go on behind; None: nothing is left."""

    runs: list[Kind]
    total: int
    next: str | None


def whole(database: Database, owner: str, wanted: Wanted, most: int, after: str = "") -> Page[Run]:
    """Return at most `most` runs that come after the one of that id, newest first."""
    with database.read() as session:
        query = _behind(session, select(RunRow), owner, wanted, after).limit(most + 1)
        found = [Run.model_validate(row) for row in session.scalars(query)]
        return _page(found, most, _count(session, owner, wanted))


def lines(
    database: Database, owner: str, wanted: Wanted, most: int, after: str = ""
) -> Page[RunLine]:
    """Return the same as the lines of a list."""
    with database.read() as session:
        query = _behind(session, select(*_columns()), owner, wanted, after).limit(most + 1)
        found = [RunLine.model_validate(row) for row in session.execute(query)]
        return _page(found, most, _count(session, owner, wanted))


def saved(database: Database, owner: str, run_id: str | None = None) -> list[RunLine]:
    """Return the runs, or that one, that have saved a state and kept it, newest first."""
    kept = (RunRow.checkpoint_step > 0, RunRow.status != RunStatus.DISCARDED)
    query = select(*_columns()).where(*_chosen(owner, Wanted()), *kept)
    if run_id is not None:
        query = query.where(RunRow.id == run_id)
    with database.read() as session:
        rows = session.execute(query.order_by(RunRow.created_at.desc(), RunRow.id))
        return [RunLine.model_validate(row) for row in rows]


def settings(
    database: Database, owner: str, names: Sequence[str], run_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return settings that are words of some runs of a person, deleted ones too, by the run's id.

    A run of an earlier release that does not have a setting has its default.
    """
    columns = [_setting(name).label(name) for name in names]
    query = select(RunRow.id, *columns).where(RunRow.owner == owner, RunRow.id.in_(run_ids))
    with database.read() as session:
        rows = session.execute(query).mappings().all()
        return {row["id"]: {name: row[name] for name in names} for row in rows}


def judges(database: Database, owner: str) -> set[str]:
    """Return the ids of a person's runs that teach a model to score answers, deleted ones too."""
    query = select(RunRow.id).where(RunRow.owner == owner, _setting("method") == "reward")
    with database.read() as session:
        return set(session.scalars(query))


def _columns() -> list[ColumnElement[Any] | InstrumentedAttribute[Any]]:
    there = [name for name in RunLine.model_fields if name != "method"]
    return [*(getattr(RunRow, name) for name in there), _setting("method").label("method")]


def _setting(name: str) -> ColumnElement[str]:
    return func.coalesce(RunRow.spec[name].as_string(), specs.field(name).default)


def _chosen(owner: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    gone = RunRow.deleted_at.is_not(None) if wanted.deleted else RunRow.deleted_at.is_(None)
    conditions = [RunRow.owner == owner, gone]
    if wanted.statuses:
        conditions.append(RunRow.status.in_(wanted.statuses))
    if wanted.words:
        conditions.append(RunRow.name.icontains(wanted.words, autoescape=True))
    return conditions


def _behind(
    session: Session, query: Select[Any], owner: str, wanted: Wanted, after: str
) -> Select[Any]:
    """Narrow a query to those behind a run in the order of the list; an unknown one is nowhere."""
    query = query.where(*_chosen(owner, wanted))
    last = session.get(RunRow, after) if after else None
    if last is not None and last.owner == owner:
        same = and_(RunRow.created_at == last.created_at, RunRow.id > last.id)
        query = query.where(or_(RunRow.created_at < last.created_at, same))
    return query.order_by(RunRow.created_at.desc(), RunRow.id)


def _count(session: Session, owner: str, wanted: Wanted) -> int:
    return session.scalar(select(func.count(RunRow.id)).where(*_chosen(owner, wanted))) or 0


def _page(found: list[Kind], most: int, total: int) -> Page[Kind]:
    shown = found[:most]
    return Page(shown, total, shown[-1].id if len(found) > most else None)
