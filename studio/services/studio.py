"""The studio a service works in: settings, database, files and the doorbell, made once."""

from dataclasses import dataclass

from storage import database, settings
from storage.artifacts import Artifacts
from storage.database import Database
from storage.settings import Settings
from worker.tasks import Doorbell


@dataclass(frozen=True)
class Studio:
    """What every service is handed; the services hold no state of their own."""

    settings: Settings
    database: Database
    artifacts: Artifacts
    doorbell: Doorbell


def opened(given: Settings | None = None) -> Studio:
    """Return a studio on these settings (else the environment's), its database up to date."""
    chosen = given or settings.load()
    return Studio(
        settings=chosen,
        database=database.opened(chosen),
        artifacts=Artifacts(chosen.home),
        doorbell=Doorbell(chosen),
    )
