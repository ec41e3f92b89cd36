"""The catalogue of what the studio remembers: its base models and its adapters."""

from pathlib import Path

from storage import adapters, base_models
from storage.artifacts import Artifacts
from storage.database import Database
from storage.errors import NotFound
from storage.status import WorkStatus
from worker.chat.catalogue import Contestant


class StoredCatalogue:
    """Names are `base:<base model id>` and `adapter:<adapter id>`, of one owner."""

    def __init__(self, database: Database, artifacts: Artifacts, owner: str) -> None:
        """Reads the database at every call: what was trained a moment ago can be talked to."""
        self._database = database
        self._artifacts = artifacts
        self._owner = owner

    def contestants(self) -> list[Contestant]:
        """Every usable base model with its adapters behind it."""
        bases = {base.id: base for base in base_models.all_of(self._database, self._owner)}
        ready = [base for base in bases.values() if _is_usable(base)]
        trained = adapters.all_of(self._database, self._owner)
        return [
            contestant
            for base in ready
            for contestant in (
                _base(base),
                *(self._adapter(one, base) for one in trained if one.base_model_id == base.id),
            )
        ]

    def find(self, name: str) -> Contestant:
        """The contestant with this name; raises NotFound for one deleted or somebody else's."""
        kind, _, identifier = name.partition(":")
        if kind == "base":
            return _base(self._usable(identifier))
        if kind == "adapter":
            adapter = adapters.get(self._database, self._owner, identifier)
            return self._adapter(adapter, self._usable(adapter.base_model_id))
        raise NotFound(f'There is no model called "{name[:80]}".', "GET /v1/models lists them.")

    def _usable(self, base_model_id: str) -> base_models.Base:
        base = base_models.get(self._database, self._owner, base_model_id)
        if not _is_usable(base):
            raise NotFound(f'The base model "{base.name}" is not ready yet.', "Wait until it is.")
        return base

    def _adapter(self, adapter: adapters.Adapter, base: base_models.Base) -> Contestant:
        folder = self._artifacts.adapter(adapter.id)
        return Contestant(f"adapter:{adapter.id}", adapter.name, _folder(base), folder, base.id)


def _is_usable(base: base_models.Base) -> bool:
    return base.status is WorkStatus.READY and base.folder is not None


def _base(base: base_models.Base) -> Contestant:
    return Contestant(f"base:{base.id}", base.name, _folder(base), None, base.id)


def _folder(base: base_models.Base) -> Path:
    assert base.folder is not None
    return Path(base.folder)
