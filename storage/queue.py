"""The queue of runs: which may start, and in which order."""

from typing import Any

from sqlalchemy import select

from storage.status import RunStatus, WorkStatus
from storage.tables import BaseModelRow, DatasetRow, RunRow

_NEEDED: tuple[Any, Any] = (DatasetRow, BaseModelRow)


def ready() -> Any:
    """Select the ids of queued runs whose data and base model are ready, the next one first."""
    return (
        select(RunRow.id)
        .join(DatasetRow, DatasetRow.id == RunRow.dataset_id)
        .join(BaseModelRow, BaseModelRow.id == RunRow.base_model_id)
        .where(
            RunRow.status == RunStatus.QUEUED,
            RunRow.deleted_at.is_(None),
            *(table.status == WorkStatus.READY for table in _NEEDED),
            *(table.deleted_at.is_(None) for table in _NEEDED),
        )
        .order_by(RunRow.priority.desc(), RunRow.place, RunRow.id)
    )


def hopeless() -> Any:
    """Select queued runs whose data or base model could not be prepared, or was deleted."""
    data, model = ((t.status == WorkStatus.FAILED) | t.deleted_at.is_not(None) for t in _NEEDED)
    return (
        select(RunRow)
        .join(DatasetRow, DatasetRow.id == RunRow.dataset_id)
        .join(BaseModelRow, BaseModelRow.id == RunRow.base_model_id)
        .where(RunRow.status == RunStatus.QUEUED, RunRow.deleted_at.is_(None), data | model)
    )
