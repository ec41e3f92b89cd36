"""The catalogue of what the studio remembers: base models, adapters and checkpoints."""

from storage import contestants
from storage.artifacts import Artifacts
from storage.database import Database
from worker.chat.catalogue import Contestant


class StoredCatalogue:
    """Everyone that one owner can talk to, named as in `storage.contestants`."""

    def __init__(self, database: Database, artifacts: Artifacts, owner: str) -> None:
        """Reads the database at every call: what was trained a moment ago can be talked to."""
        self._database = database
        self._artifacts = artifacts
        self._owner = owner

    def contestants(self) -> list[Contestant]:
        """Every usable base model with its adapters and checkpoints that talk behind it."""
        found = contestants.talking(self._database, self._artifacts, self._owner)
        return [_voice(one) for one in found]

    def find(self, name: str) -> Contestant:
        """The contestant with this name; raises NotFound for one deleted or somebody else's."""
        return _voice(contestants.find(self._database, self._artifacts, self._owner, name))


def _voice(found: contestants.Contestant) -> Contestant:
    return Contestant(
        found.name, found.title, found.base_folder, found.adapter_folder, found.base_id
    )
