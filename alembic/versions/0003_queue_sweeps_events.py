"""the order of the queue, sweeps, presets, events, probe answers and telemetry of runs.

A run that was queued keeps its place: its moment of queueing, in seconds since 1970.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW = (
    "halvings", "priority", "place", "after_run_id", "after_finished", "request_key",
    "planned_seconds", "planned_bytes", "device", "sweep_id", "trial",
)


def upgrade() -> None:
    for name in ("presets", "sweeps"):
        op.create_table(
            name,
            *_OWN[name],
            sa.Column("id", sa.String(length=32), nullable=False),
            sa.Column("owner", sa.String(length=64), nullable=False),
            sa.Column("name", sa.String(length=200), nullable=False),
            sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
            sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
            sa.PrimaryKeyConstraint("id"),
        )
        with op.batch_alter_table(name, schema=None) as batch_op:
            batch_op.create_index(batch_op.f(f"ix_{name}_owner"), ["owner"], unique=False)
    with op.batch_alter_table("sweeps", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sweeps_status"), ["status"], unique=False)
    op.create_table(
        "switches",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    _of_runs()
    with op.batch_alter_table("runs", schema=None) as batch_op:
        for name in ("halvings", "priority"):
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("place", sa.Double(), nullable=False, server_default="0"))
        for name, size in (("after_run_id", 32), ("request_key", 64), ("device", 64), ("sweep_id", 32)):
            batch_op.add_column(sa.Column(name, sa.String(length=size), nullable=True))
        batch_op.add_column(sa.Column("after_finished", sa.Boolean(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("planned_seconds", sa.Double(), nullable=True))
        batch_op.add_column(sa.Column("planned_bytes", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("trial", sa.Integer(), nullable=True))
        batch_op.drop_index("runs_by_queue")
        batch_op.create_index("runs_by_queue", ["status", "priority", "place"], unique=False)
        batch_op.create_index(batch_op.f("ix_runs_sweep_id"), ["sweep_id"], unique=False)
        batch_op.create_index("runs_by_trial", ["sweep_id", "trial"], unique=True)
        batch_op.create_index("runs_by_age", ["owner", "created_at"], unique=False)
        batch_op.create_index("runs_by_request", ["owner", "request_key"], unique=True)
    _place()


def _of_runs() -> None:
    """Create the tables whose rows belong to a run."""
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_table(
        "probe_answers",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("step", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prompt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "step", "prompt"),
    )
    op.create_table(
        "telemetry",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "at"),
    )


def _place() -> None:
    """Give each run its moment of queueing as its place."""
    runs = sa.table(
        "runs",
        sa.column("id", sa.String),
        sa.column("queued_at", sa.DateTime(timezone=True)),
        sa.column("place", sa.Double),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(runs.c.id, runs.c.queued_at)).all():
        moment: datetime = row.queued_at
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        connection.execute(sa.update(runs).where(runs.c.id == row.id).values(place=seconds))


def downgrade() -> None:
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.drop_index("runs_by_request")
        batch_op.drop_index("runs_by_trial")
        batch_op.drop_index("runs_by_age")
        batch_op.drop_index(batch_op.f("ix_runs_sweep_id"))
        batch_op.drop_index("runs_by_queue")
        batch_op.create_index("runs_by_queue", ["status", "queued_at"], unique=False)
        for name in NEW:
            batch_op.drop_column(name)
    for name in ("telemetry", "run_events", "probe_answers", "switches", "sweeps", "presets"):
        op.drop_table(name)


_OWN = {
    "presets": (
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.JSON(), nullable=True),
    ),
    "sweeps": (
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("space", sa.JSON(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    ),
}
