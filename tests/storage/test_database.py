"""The database: its settings, its transactions, and migrations that go both ways."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm import Session

from storage import database, datasets, metrics, shipped
from storage.database import Database, configuration, migrate
from storage.settings import Settings
from storage.tables import DatasetRow, MetricPointRow, Table

VERSIONS = sorted((shipped.folder("alembic") / "versions").glob("*.py"))


def pragma(opened: Database, name: str) -> Any:
    """Return one setting of a connection."""
    with opened.read() as session:
        return session.scalar(text(f"PRAGMA {name}"))


def test_every_connection_waits_keeps_references_and_survives_a_power_cut(tmp_path: Path) -> None:
    opened = database.opened(Settings(home=tmp_path))
    assert pragma(opened, "journal_mode") == "wal"
    assert pragma(opened, "foreign_keys") == 1
    assert pragma(opened, "busy_timeout") == 15_000
    assert pragma(opened, "synchronous") == 2
    opened.close()


def test_the_sqlite_in_use_is_free_of_the_wal_reset_bug() -> None:
    assert database.sqlite_module().sqlite_version_info >= (3, 51, 3)


def test_a_writer_who_has_only_read_so_far_keeps_other_writers_out(story: Any) -> None:
    impatient = Database(story.database.address)
    with impatient.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=50")
    with story.database.write() as session:
        session.query(DatasetRow).count()
        with pytest.raises(OperationalError, match="locked"), impatient.write() as second:
            second.query(DatasetRow).count()
    impatient.close()


def test_a_reader_sees_one_moment(story: Any) -> None:
    run = story.running()
    with story.database.read() as session:
        assert session.query(MetricPointRow).count() == 0
        metrics.report(story.database, run.id, 1, [metrics.Point("loss", 1, 1.0)])
        assert session.query(MetricPointRow).count() == 0
    assert len(metrics.after(story.database, run.id).points) == 1


def test_a_write_that_fails_leaves_nothing(story: Any) -> None:
    identifier = story.dataset()
    with pytest.raises(RuntimeError), story.database.write() as session:
        _rename_and_fail(session, identifier)
    assert datasets.get(story.database, "anna", identifier).name == "Answers"


def _rename_and_fail(session: Session, identifier: str) -> None:
    session.get_one(DatasetRow, identifier).name = "Half done"
    session.flush()
    raise RuntimeError


def test_points_belong_to_a_run_that_is_there(story: Any) -> None:
    with pytest.raises(IntegrityError), story.database.write() as session:
        session.add(MetricPointRow(run_id="run_000000000000", name="loss", step=1, at=1.0))


def test_time_is_kept_in_utc_and_a_moment_without_a_zone_is_refused(story: Any) -> None:
    identifier = story.dataset()
    noon = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    with story.database.write() as session:
        session.get_one(DatasetRow, identifier).created_at = noon
    found = datasets.get(story.database, "anna", identifier).created_at
    assert (found, found.tzinfo, found.hour) == (noon, UTC, 10)
    with pytest.raises(StatementError, match="without a zone"), story.database.write() as session:
        session.get_one(DatasetRow, identifier).created_at = datetime(2026, 6, 1)  # noqa: DTZ001


def test_the_migrations_bring_about_exactly_the_tables_of_the_code(story: Any) -> None:
    with story.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_a_difference_between_migrations_and_code_would_be_seen(story: Any) -> None:
    with story.database.write() as session:
        session.execute(text("ALTER TABLE runs ADD COLUMN surplus INTEGER"))
    with story.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata)


def schema(opened: Database) -> set[tuple[str, str]]:
    """Return every table and index with the statement that made it, less the version's own."""
    with opened.read() as session:
        rows = session.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        return {(row.name, row.sql) for row in rows if not row.name.startswith("alembic")}


def test_migrations_go_up_down_and_up_again(tmp_path: Path) -> None:
    opened = database.opened(Settings(home=tmp_path))
    before = schema(opened)
    with opened.engine.execution_options(studio_writes=True).connect() as connection:
        command.downgrade(configuration(connection), "base")
        connection.commit()
    assert schema(opened) == set()
    migrate(opened, tmp_path)
    assert schema(opened) == before
    opened.close()


def test_datasets_of_the_first_release_are_read_again(tmp_path: Path) -> None:
    opened = database.Database(Settings(home=tmp_path).database)
    migrate(opened, tmp_path, "0001")
    added = (
        "INSERT INTO datasets (id, owner, name, created_at, status, stage, progress, attempt,"
        " crashes, sha256, bytes, rows_good, rows_refused)"
        " VALUES (:id, 'anna', 'Old', '2026-11-21', :status, '', 1.0, 1, 0, :sha, 9, 3, 0)"
    )
    with opened.write() as session:
        for status in ("ready", "failed"):
            session.execute(text(added), {"id": status, "status": status, "sha": "a" * 64})
    migrate(opened, tmp_path)
    found = {each.id: each for each in datasets.all_of(opened, "anna")}
    assert {name: each.status.value for name, each in found.items()} == {
        "ready": "waiting",
        "failed": "failed",
    }
    assert (found["ready"].parents, found["ready"].rows_repaired) == ([], 0)
    opened.close()


def test_each_migration_has_a_number_and_follows_the_one_before() -> None:
    names = [path.stem for path in VERSIONS]
    assert [name[:4] for name in names] == [f"{n:04d}" for n in range(1, len(names) + 1)]


def test_migrating_a_database_that_is_up_to_date_changes_nothing(story: Any) -> None:
    identifier, before = story.dataset(), schema(story.database)
    migrate(story.database, story.home)
    assert schema(story.database) == before
    assert datasets.get(story.database, "anna", identifier).name == "Answers"


def test_the_curve_table_is_clustered_by_its_key(story: Any) -> None:
    [statement] = [sql for name, sql in schema(story.database) if name == "metric_points"]
    assert "WITHOUT ROWID" in statement
    key = inspect(story.database.engine).get_pk_constraint("metric_points")
    assert key["constrained_columns"] == ["run_id", "name", "step"]
