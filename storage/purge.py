"""What was deleted thirty days ago goes for good: its rows, and files that no other row uses."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, delete, func, select
from sqlalchemy.orm import Session

from storage import audit
from storage.artifacts import Artifacts
from storage.audit import Action
from storage.base_models import Source
from storage.conversation_tables import (
    ConversationRow,
    PromptSetRow,
    SystemPromptRow,
    VoteRow,
)
from storage.database import Database
from storage.status import ACTIVE, WorkStatus
from storage.tables import (
    AdapterRow,
    AnalysisRow,
    BaseModelRow,
    DatasetRow,
    PresetRow,
    RunRow,
    SweepRow,
    Table,
    now,
)
from storage.trust_tables import EvaluationRow

DAYS = 30
"""So long a person may bring back what was deleted."""

_BUSY = (*ACTIVE, WorkStatus.WORKING)

_GONE = "Its files were removed, thirty days after it was deleted."
_AGAIN = "Bring it in again."

_ASIDE = ".deleted-"

_ALONE = (
    PresetRow,
    SweepRow,
    PromptSetRow,
    SystemPromptRow,
    ConversationRow,
    VoteRow,
    EvaluationRow,
)
"""Nothing else names these; what is theirs alone goes with them."""


def purge(database: Database, files: Artifacts) -> list[str]:
    """Remove for good what was deleted long ago; returns the ids.

    A run waits until its adapter is gone too. Of data and base models that a run or an adapter
    still names, the files go, and the row stays, so that one can tell what it was.
    """
    with _aside(files.home) as aside, database.write() as session:
        places = _Places(session, files, aside)
        gone = [each.id for table in _ALONE for each in _due(session, table) if places.alone(each)]
        gone += [each.id for each in _due(session, AdapterRow) if places.adapter(each)]
        gone += [each.id for each in _due(session, RunRow) if places.run(each)]
        gone += [each.id for each in _due(session, DatasetRow) if places.dataset(each)]
        gone += [each.id for each in _due(session, BaseModelRow) if places.base_model(each)]
        for each in gone:
            audit.note(session, audit.STUDIO, Action.PURGED, each, {})
    return gone


class _Places:
    """What goes with a row: other rows, and folders, which are set aside while the lock is held."""

    def __init__(self, session: Session, files: Artifacts, aside: list[Path]) -> None:
        self._session = session
        self._files = files
        self._aside = aside

    def alone(self, row: Any) -> bool:
        self._take(self._files.work(row.id))  # of an evaluation: its log
        return self._drop(row)

    def adapter(self, row: AdapterRow) -> bool:
        run = self._session.get(RunRow, row.run_id)
        if run is not None and run.adapter_id == row.id:
            run.adapter_id = None
        self._take(self._files.adapter(row.id))
        return self._drop(row)

    def run(self, row: RunRow) -> bool:
        has_adapter = select(AdapterRow.id).where(AdapterRow.run_id == row.id).limit(1)
        if self._session.scalar(has_adapter) is not None:
            return False
        for column in _naming("runs"):
            self._session.execute(delete(column.table).where(column == row.id))
        self._take(self._files.run(row.id))
        return self._drop(row)

    def dataset(self, row: DatasetRow) -> bool:
        others = select(func.count()).where(
            DatasetRow.sha256 == row.sha256, DatasetRow.id != row.id, ~_long_deleted(DatasetRow)
        )
        is_shared = not row.sha256 or bool(self._session.scalar(others))
        taken = not is_shared and self._take(self._files.dataset(row.sha256))
        self._drop_questions(AnalysisRow.dataset_id == row.id)
        row.report = row.question = None  # they quote the data
        return self._drop_or_tell(row, "datasets", taken=taken)

    def base_model(self, row: BaseModelRow) -> bool:
        own = row.source != Source.FOLDER  # a person's folder is the person's
        taken = own and self._take(self._files.base_model(row.id))
        self._drop_questions(AnalysisRow.base_model_id == row.id)
        return self._drop_or_tell(row, "base_models", taken=taken)

    def _drop_questions(self, about: Any) -> None:
        for question in self._session.scalars(select(AnalysisRow).where(about)):
            self._take(self._files.work(question.id))
            self._session.delete(question)

    def _drop_or_tell(self, row: DatasetRow | BaseModelRow, table: str, *, taken: bool) -> bool:
        taken |= self._take(self._files.work(row.id))
        self._session.flush()
        named = (select(column).where(column == row.id).limit(1) for column in _naming(table))
        if not any(self._session.scalar(query) for query in named):
            return self._drop(row)
        row.status, row.error, row.hint = WorkStatus.FAILED, _GONE, _AGAIN
        return taken

    def _drop(self, row: Table) -> bool:
        self._session.delete(row)
        self._session.flush()
        return True

    def _take(self, folder: Path) -> bool:
        if not folder.exists():
            return False
        doomed = folder.with_name(f"{_ASIDE}{folder.name}")
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
        self._aside.append(doomed)
        return True


@contextmanager
def _aside(home: Path) -> Iterator[list[Path]]:
    """Give a list of folders to remove once the rows are gone; what a kill has left goes too."""
    doomed = list(home.glob(f"*/{_ASIDE}*"))
    yield doomed
    for folder in doomed:
        shutil.rmtree(folder, ignore_errors=True)


def _long_deleted(table: Any) -> Any:
    return func.coalesce(table.deleted_at < now() - timedelta(days=DAYS), False)


def _due(session: Session, table: Any) -> list[Any]:
    found = session.scalars(select(table).where(_long_deleted(table))).all()
    return [row for row in found if getattr(row, "status", None) not in _BUSY]


def _naming(table: str) -> list[Column[Any]]:
    """Return the columns of other tables that name rows of one; a run's adapters are no part."""
    return [
        column
        for other in Table.metadata.sorted_tables
        for column in other.columns
        if any(key.column.table.name == table for key in column.foreign_keys)
        and not (table == "runs" and other.name == AdapterRow.__tablename__)
    ]
