"""The application's database: engine, short transactions, migrations."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

from storage import shipped
from storage.settings import Settings

try:
    import pysqlite3
except ImportError:  # only Linux has it; elsewhere Python's own SQLite serves
    pysqlite3 = None


def sqlite_module() -> ModuleType:
    """Return the newest SQLite at hand; Python's own has the WAL-reset bug up to 3.51.2."""
    return pysqlite3 or sqlite3


class Database:
    """Sessions on one engine. `read` sees one moment; `write` holds the write lock from its start.

    Keep both short (under 50 ms) and never around file or GPU work. Objects of this class do not
    survive a fork: a child makes its own.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.engine = _engine(address)
        self._writer = self.engine.execution_options(studio_writes=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that only reads."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session that writes; commits when the block ends well."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def opened(settings: Settings) -> Database:
    """Return the database of these settings, brought to the newest schema."""
    database = Database(settings.database)
    migrate(database, settings.home)
    return database


def migrate(database: Database, home: Path, revision: str = "head") -> None:
    """Bring the schema to `revision`; processes that start at once wait for each other."""
    with (home / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with database.engine.execution_options(studio_writes=True).connect() as connection:
            command.upgrade(configuration(connection), revision)
            connection.commit()


def configuration(connection: Connection) -> Config:
    """Return Alembic's configuration, running on an open connection."""
    config = Config(toml_file=None)
    config.set_main_option("script_location", str(shipped.folder("alembic")))
    config.attributes["connection"] = connection
    return config


def _engine(address: str) -> Engine:
    if not make_url(address).drivername.startswith("sqlite"):
        return create_engine(address, pool_pre_ping=True)
    engine = create_engine(
        address, module=sqlite_module(), connect_args={"isolation_level": None, "timeout": 15}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=15000", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("studio_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
