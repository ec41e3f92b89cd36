"""Runs the migrations on the connection that `storage.database.migrate` hands over."""

from alembic import context

from storage import conversation_tables, trust_tables
from storage.tables import Table

TABLES = (conversation_tables, trust_tables)
"""Imported so that their tables are known."""

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
