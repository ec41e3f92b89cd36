"""Analyses: questions put to a dataset, answered by the worker in the background, and kept."""

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage import ids, owned
from storage.database import Database
from storage.errors import StudioError
from storage.status import WorkStatus
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow


class Kind(StrEnum):
    """What is asked.

    CARE: duplicates, personal data, odd answers, readability.
    TOKENS: how long every row is for a model, and what of it is learned.
    PREVIEW: some rows token by token.
    MEMORY: what a step takes at its fullest moment, by a dry run.
    SAFETY: which rows break a rule of a safety profile.
    """

    CARE = "care"
    TOKENS = "tokens"
    PREVIEW = "preview"
    MEMORY = "memory"
    SAFETY = "safety"


QUICK = (Kind.PREVIEW, Kind.MEMORY)
"""A person waits for these; the worker keeps a place for them."""

WITHOUT_MODEL = (Kind.CARE, Kind.SAFETY)
"""These ask about the data alone."""


class Analysis(BaseModel):
    """An analysis as the rest of the studio sees it; `result` is there once it is ready."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    dataset_id: str
    base_model_id: str | None
    kind: Kind
    question: dict[str, Any]
    status: WorkStatus
    stage: str
    progress: float
    error: str | None
    hint: str | None
    result: dict[str, Any] | None
    created_at: datetime


def token_lengths(fingerprint: str, *, answers_only: bool) -> str:
    """Name of the array, beside the rows, of the length of each for a model; see Kind.TOKENS.

    NumPy's format, shape (rows, 2), unsigned 32-bit: the length in tokens, and the position of the
    first token that is learned (the length where none is).
    """
    return f"tokens-{fingerprint[:16]}-{'answers' if answers_only else 'all'}.npy"


def ask(
    database: Database,
    owner: str,
    dataset_id: str,
    kind: Kind,
    question: dict[str, Any] | None = None,
    base_model_id: str | None = None,
) -> Analysis:
    """Put a question; the same one of the same rows and model is answered once and kept.

    One that has failed is asked again.

    Raises:
        NotFound: the dataset or the base model is not there.
        StudioError: one of them is not ready.
    """
    with database.write() as session:
        dataset = _ready(session, DatasetRow, owner, dataset_id)
        model = _ready(session, BaseModelRow, owner, base_model_id) if base_model_id else None
        key = _key(dataset, kind, question or {}, model)
        known = _latest(session, owner, dataset_id, key)
        if known is not None and known.status != WorkStatus.FAILED:
            return Analysis.model_validate(known)
        row = AnalysisRow(
            id=ids.new("analysis"),
            owner=owner,
            name=f"the {kind} report" if kind in WITHOUT_MODEL else f"the {kind} of {dataset.name}",
            dataset_id=dataset_id,
            base_model_id=base_model_id,
            kind=kind,
            question=question or {},
            key=key,
            status=WorkStatus.WAITING,
        )
        session.add(row)
        session.flush()
        return Analysis.model_validate(row)


def withdraw(database: Database, owner: str, kind: Kind) -> None:
    """Take back an owner's questions of a kind that nobody has begun to answer."""
    waiting = (AnalysisRow.kind == kind, AnalysisRow.status == WorkStatus.WAITING)
    with database.write() as session:
        session.execute(delete(AnalysisRow).where(AnalysisRow.owner == owner, *waiting))


def get(database: Database, owner: str, analysis_id: str) -> Analysis:
    """Return one analysis. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Analysis.model_validate(owned.one(session, AnalysisRow, owner, analysis_id))


def latest(
    database: Database,
    owner: str,
    dataset_id: str,
    kind: Kind,
    question: dict[str, Any] | None = None,
    base_model_id: str | None = None,
) -> Analysis | None:
    """Return the answer to this question, or how far it is; None where nobody has asked.

    Raises:
        NotFound: the dataset or the base model is not there.
    """
    with database.read() as session:
        dataset = owned.one(session, DatasetRow, owner, dataset_id)
        model = owned.one(session, BaseModelRow, owner, base_model_id) if base_model_id else None
        key = _key(dataset, kind, question or {}, model)
        row = _latest(session, owner, dataset_id, key)
        return Analysis.model_validate(row) if row else None


def _ready(session: Session, table: Any, owner: str, identifier: str) -> Any:
    row = owned.one(session, table, owner, identifier)
    if row.status != WorkStatus.READY:
        raise StudioError(f"{row.name} is not ready yet.", "Wait until it has been prepared.")
    return row


def _latest(session: Session, owner: str, dataset_id: str, key: str) -> AnalysisRow | None:
    query = select(AnalysisRow).where(
        AnalysisRow.owner == owner, AnalysisRow.dataset_id == dataset_id, AnalysisRow.key == key
    )
    return session.scalars(query.order_by(AnalysisRow.created_at.desc()).limit(1)).first()


def _key(
    dataset: DatasetRow, kind: Kind, question: dict[str, Any], model: BaseModelRow | None
) -> str:
    """What was asked of which rows and which weights: the answer holds as long as these do."""
    asked = [dataset.fingerprint, kind, question, model.fingerprint if model else None]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
