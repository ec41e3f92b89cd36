"""The tables of the application's database; Alembic's migrations bring them about."""

import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.ids import LOCAL_PERSON


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite drops the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without a zone; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a zone: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment with its zone."""
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return this moment in UTC."""
    return datetime.now(UTC)


class Table(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {  # noqa: RUF012  (SQLAlchemy reads it as a class attribute)
        datetime: UtcTime,
        dict[str, Any]: JSON,
        str: String(255),
    }


class Owned:
    """What a person made: who, when, and whether it is deleted (undone for 30 days)."""

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), default=LOCAL_PERSON, index=True)
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None]


class Leased:
    """What a worker works on: the attempt that fences older ones off, and a lease with an end."""

    status: Mapped[str] = mapped_column(String(16), index=True)
    stage: Mapped[str] = mapped_column(default="")
    progress: Mapped[float] = mapped_column(default=0.0)
    attempt: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None] = mapped_column(String(128))
    lease_until: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)
    hint: Mapped[str | None] = mapped_column(Text)


class DatasetRow(Owned, Leased, Table):
    """A file, uploaded or made out of other datasets, and what its inspection found."""

    __tablename__ = "datasets"

    sha256: Mapped[str] = mapped_column(String(64), index=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    shape: Mapped[str | None] = mapped_column(String(32))
    target: Mapped[str | None] = mapped_column(String(16))
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    rows_good: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_repaired: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_refused: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_held_out: Mapped[int] = mapped_column(BigInteger, default=0)
    report: Mapped[dict[str, Any] | None]
    mapping: Mapped[dict[str, Any] | None]
    question: Mapped[dict[str, Any] | None]
    operation: Mapped[dict[str, Any] | None]
    parents: Mapped[list[str]] = mapped_column(JSON, default=list)


class MappingRow(Table):
    """How a person's files of one shape are read; the shape is a hash of its fields' names."""

    __tablename__ = "mappings"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    signature: Mapped[str] = mapped_column(String(64), primary_key=True)
    mapping: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime] = mapped_column(default=now)


class AnalysisRow(Owned, Leased, Table):
    """A question put to a dataset, and the worker's answer. `key`: what was asked of what rows."""

    __tablename__ = "analyses"

    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"), index=True)
    base_model_id: Mapped[str | None] = mapped_column(ForeignKey("base_models.id"))
    kind: Mapped[str] = mapped_column(String(16))
    question: Mapped[dict[str, Any]]
    key: Mapped[str] = mapped_column(String(64), index=True)
    result: Mapped[dict[str, Any] | None]


class BaseModelRow(Owned, Leased, Table):
    """A base model: built here, in a local folder, or downloaded from the hub."""

    __tablename__ = "base_models"

    source: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(Text)
    revision: Mapped[str | None]
    folder: Mapped[str | None] = mapped_column(Text)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    facts: Mapped[dict[str, Any] | None]


class RunRow(Owned, Leased, Table):
    """A run: its spec, where it stands, and what a person asked of it.

    `halvings`: so often the examples read at once were halved, as memory ran out. `priority`: the
    higher, the earlier; within one priority the lower `place` (seconds since 1970 when it was
    queued, or between two others). `after_run_id`: it waits until that run has ended, where
    `after_finished` until it has finished. `request_key`: of the request that queued it, one a
    person. Units: `planned_seconds` and `planned_bytes` are what was expected when it was queued.
    """

    __tablename__ = "runs"

    spec: Mapped[dict[str, Any]]
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    base_model_id: Mapped[str] = mapped_column(ForeignKey("base_models.id"))
    stop_request: Mapped[str | None] = mapped_column(String(16))
    step: Mapped[int] = mapped_column(default=0)
    total_steps: Mapped[int] = mapped_column(default=0)
    checkpoint_step: Mapped[int] = mapped_column(default=0)
    best_step: Mapped[int | None]
    tokens_per_second: Mapped[float | None]
    memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    seconds: Mapped[float] = mapped_column(default=0.0)
    facts: Mapped[dict[str, Any] | None]
    adapter_id: Mapped[str | None] = mapped_column(String(32))
    halvings: Mapped[int] = mapped_column(default=0)
    priority: Mapped[int] = mapped_column(default=0)
    place: Mapped[float] = mapped_column(default=time.time)
    after_run_id: Mapped[str | None] = mapped_column(String(32))
    after_finished: Mapped[bool] = mapped_column(default=False)
    request_key: Mapped[str | None] = mapped_column(String(64))
    planned_seconds: Mapped[float | None]
    planned_bytes: Mapped[int | None] = mapped_column(BigInteger)
    device: Mapped[str | None] = mapped_column(String(64))
    sweep_id: Mapped[str | None] = mapped_column(String(32), index=True)
    trial: Mapped[int | None]
    queued_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class AttemptRow(Table):
    """One start of a run: from which step it went on, and how it ended."""

    __tablename__ = "attempts"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    worker: Mapped[str] = mapped_column(String(128))
    resumed_step: Mapped[int | None]
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)


class MetricPointRow(Table):
    """One point of a curve; clustered by its key. NULL: the value was not a finite number."""

    __tablename__ = "metric_points"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  (SQLAlchemy's declaration)

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    step: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    value: Mapped[float | None]
    at: Mapped[float]


class EventRow(Table):
    """Something that happened to a run and is told on its page, in the order of `number`."""

    __tablename__ = "run_events"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=now)
    kind: Mapped[str] = mapped_column(String(32))
    words: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any] | None]


class ProbeAnswerRow(Table):
    """What the model of a run answered to one of its probe prompts after a step."""

    __tablename__ = "probe_answers"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    prompt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    answer: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)


class TelemetryRow(Table):
    """What a run took of the machine at a moment (seconds since 1970), by name."""

    __tablename__ = "telemetry"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    at: Mapped[float] = mapped_column(primary_key=True)
    values: Mapped[dict[str, Any]]


class SweepRow(Owned, Table):
    """A search for good settings: runs that differ in a few of them, chosen one after another."""

    __tablename__ = "sweeps"

    spec: Mapped[dict[str, Any]]
    space: Mapped[dict[str, Any]]
    trials: Mapped[int]
    seed: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(String(16), index=True)
    words: Mapped[str] = mapped_column(Text, default="")
    ended_at: Mapped[datetime | None]


class PresetRow(Owned, Table):
    """Settings that a person keeps under a name."""

    __tablename__ = "presets"

    settings: Mapped[dict[str, Any]]
    made_by: Mapped[dict[str, Any] | None]


class SwitchRow(Table):
    """What a person has set for the whole studio, such as a paused queue."""

    __tablename__ = "switches"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[dict[str, Any]]


class AdapterRow(Owned, Table):
    """A finished adapter; its files are in the folder of its id."""

    __tablename__ = "adapters"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), index=True)
    base_model_id: Mapped[str] = mapped_column(ForeignKey("base_models.id"))
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    step: Mapped[int]
    eval_loss: Mapped[float | None]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))


Index("runs_by_queue", RunRow.status, RunRow.priority, RunRow.place)
Index("runs_by_age", RunRow.owner, RunRow.created_at)
Index("runs_by_request", RunRow.owner, RunRow.request_key, unique=True)
Index("runs_by_trial", RunRow.sweep_id, RunRow.trial, unique=True)
