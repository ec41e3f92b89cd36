"""Homes for tests that pull no plug: the schema is there already, and nobody waits for the disk."""

import functools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from storage import database
from storage.settings import Settings


def with_schema(home: Path) -> None:
    """Put an empty database of the newest schema into a new home; migrating takes far longer."""
    file = home / "studio.db"
    if not file.exists():
        file.write_bytes(_empty())


@functools.cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        database.opened(Settings(home=home)).close()
        return (home / "studio.db").read_bytes()


@contextmanager
def without_waiting_for_the_disk() -> Iterator[None]:
    """Let files and commits of this process count as written at once.

    What a power cut leaves is tried in tests/storage and tests/faults: there the disk is real.
    """
    prepare = database._prepare_sqlite

    def prepared(connection: Any, record: object) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous=OFF").close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_prepare_sqlite", prepared)
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield
