"""Which weights a contestant had: a hash that tells a model trained again from the one before."""

from typing import Final

from storage import adapters, artifacts, base_models, contestants
from storage.artifacts import Artifacts
from storage.checkpoints import plain_in
from storage.contestants import Contestant
from storage.database import Database
from storage.errors import NotFound

_WEIGHTS: Final = ("adapter_model.safetensors", "model.safetensors")


def sha256(database: Database, files: Artifacts, owner: str, name: str) -> str | None:
    """Return the hash of a contestant's weights; None where it is not there, or not known."""
    kind, _, rest = name.partition(":")
    try:
        if kind == "adapter":
            return adapters.get(database, owner, rest).sha256
        if kind == "base":
            return base_models.get(database, owner, rest).fingerprint
        return _of_checkpoint(contestants.find(database, files, owner, name))
    except NotFound:
        return None


def _of_checkpoint(who: Contestant) -> str | None:
    """Return the hash that the manifest of a checkpoint has of what is talked to."""
    used = who.adapter_folder or who.base_folder
    folder = used.parent if plain_in(used.parent) == used else used
    try:
        found = artifacts.read_manifest(folder)["files"]
    except artifacts.Damaged:
        return None
    wanted = {(used / name).relative_to(folder).as_posix() for name in _WEIGHTS}
    return next((str(one["sha256"]) for one in found if one["name"] in wanted), None)
