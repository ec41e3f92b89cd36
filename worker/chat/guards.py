"""The guards of the profiles in force, made once for each version of a profile's file."""

from pathlib import Path
from typing import Any

from storage import profile_uses
from storage.database import Database
from storage.errors import NotFound, StudioError
from storage.profile_uses import Uses
from storage.safety import profiles
from storage.safety.profile import Profile
from worker.chat.classifier import FolderClassifier
from worker.safety.guard import Guard

_Version = tuple[str, int, int]


class InForce:
    """Which profile is in force for whom, at one moment."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses

    def of(self, name: str) -> str | None:
        """The id of the profile for a contestant; None: none is in force."""
        return profile_uses.in_force(self._uses, name)

    def told(self, model: dict[str, Any]) -> dict[str, Any]:
        """A line of `/v1/models` with the id of its profile."""
        return {**model, "studio": {**model["studio"], "profile": self.of(model["id"])}}


class Guards:
    """Guards by the profiles that one owner has put in force."""

    def __init__(self, database: Database, home: Path, owner: str) -> None:
        """Reads the database and the files at every call: what was put in force holds at once."""
        self._database, self._home, self._owner = database, home, owner
        self._made: dict[str, tuple[_Version, Guard]] = {}
        self._classifiers: dict[_Version, FolderClassifier] = {}

    def uses(self) -> InForce:
        """What is in force now."""
        return InForce(profile_uses.of(self._database, self._owner))

    def of(self, name: str) -> tuple[str, Guard] | None:
        """The id and the guard of the profile for a contestant; None: none is in force.

        Raises:
            StudioError: the profile in force is gone or broken, or its classifier is.
        """
        profile_id = self.uses().of(name)
        return None if profile_id is None else (profile_id, self._guard(profile_id))

    def _guard(self, profile_id: str) -> Guard:
        try:
            version = _version(profiles.path_of(self._home, profile_id))
        except NotFound as error:
            raise StudioError(
                f"The safety profile “{profile_id}” that is in force here is gone, so nothing is "
                "answered.",
                "Choose another on the page Safety.",
            ) from error
        known = self._made.get(profile_id)
        if known is not None and known[0] == version and known[1].profile.classifier is None:
            return known[1]
        profile = profiles.get(self._home, profile_id)
        guard = Guard(profile, self._classifier(profile))
        self._made[profile_id] = (version, guard)
        return guard

    def _classifier(self, profile: Profile) -> FolderClassifier | None:
        """The profile's classifier, read again when its folder has changed."""
        if profile.classifier is None:
            return None
        folder = Path(profile.classifier.folder)
        try:
            version = _version(folder / "config.json")
        except OSError as error:
            raise StudioError(
                f"The safety classifier in {folder} cannot be read, so nothing is answered.",
                "Choose its folder again on the page Safety, or take it out of the profile.",
            ) from error
        if version not in self._classifiers:
            self._classifiers = {version: FolderClassifier(folder)}
        return self._classifiers[version]


def _version(path: Path) -> _Version:
    stat = path.stat()
    return str(path), stat.st_mtime_ns, stat.st_size
