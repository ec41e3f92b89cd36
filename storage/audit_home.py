"""The audit trail of a home as it lies there: nothing is made or migrated, no studio need run."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError

from storage.database import Database
from storage.errors import StudioError
from storage.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """Give the database of a home.

    Raises:
        StudioError: there is none, or it cannot be read.
    """
    if settings.database_url is None and not (settings.home / "studio.db").is_file():
        words = f"There is no studio in {settings.home}."
        raise StudioError(words, "STUDIO_HOME says where to look.")
    database = Database(settings.database)
    try:
        yield database
    except DatabaseError as error:
        words = f"The studio's database cannot be read: {error.orig}."
        hint = "Start the studio once, so that it brings its database up to date."
        raise StudioError(words, hint) from error
    finally:
        database.close()
