"""mappings, versions and analyses of datasets.

Rows are kept in another form since, so every dataset that was read is read again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW = ("target", "fingerprint", "mapping", "question", "operation")


def upgrade() -> None:
    with op.batch_alter_table("datasets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("target", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("fingerprint", sa.String(length=64), nullable=True))
        for name in ("rows_repaired", "rows_held_out"):
            batch_op.add_column(
                sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
            )
        for name in ("mapping", "question", "operation"):
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("parents", sa.JSON(), nullable=False, server_default="[]"))
    op.execute(
        "UPDATE datasets SET status = 'waiting', progress = 0, crashes = 0 WHERE status = 'ready'"
    )

    op.create_table(
        "mappings",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.Column("mapping", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("owner", "signature"),
    )

    op.create_table(
        "analyses",
        sa.Column("dataset_id", sa.String(length=32), nullable=False),
        sa.Column("base_model_id", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=255), nullable=False),
        sa.Column("progress", sa.Double(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("hint", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"]),
        sa.ForeignKeyConstraint(["base_model_id"], ["base_models.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("analyses", schema=None) as batch_op:
        for name in ("dataset_id", "key", "owner", "status"):
            batch_op.create_index(batch_op.f(f"ix_analyses_{name}"), [name], unique=False)


def downgrade() -> None:
    op.drop_table("analyses")
    op.drop_table("mappings")
    with op.batch_alter_table("datasets", schema=None) as batch_op:
        for name in (*NEW, "rows_repaired", "rows_held_out", "parents"):
            batch_op.drop_column(name)
    op.execute(
        "UPDATE datasets SET status = 'waiting', progress = 0, crashes = 0 WHERE status = 'ready'"
    )
