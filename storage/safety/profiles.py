"""The profiles there are: those that ship with the studio, and a person's own files."""

import os
import re
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage import shipped
from storage.artifacts import write_private
from storage.errors import Fault, NotFound, Refused, StudioError
from storage.safety import files
from storage.safety.profile import Profile

KEPT_SECONDS: Final = 30 * 86_400
"""A deleted profile can be brought back for so long."""

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_ENDING = ".yaml"


class Broken(StudioError):
    """The file of a profile cannot be used; `faults` has every mistake."""

    def __init__(self, path: Path, faults: list[Fault]) -> None:
        told = " ".join(f"{fault.field}: {fault.message}" for fault in faults[:3])
        super().__init__(
            f"The safety profile in the file {path.name} cannot be used. {told}",
            "Mend it on the page Safety, or choose another profile there.",
        )
        self.faults = faults


@dataclass(frozen=True)
class Stored:
    """A profile and where it is; a broken one has faults and no profile."""

    id: str
    path: Path
    is_shipped: bool
    profile: Profile | None
    faults: list[Fault]

    @property
    def name(self) -> str:
        """Return what a person calls it."""
        return self.profile.name if self.profile else self.path.name


def all_of(home: Path) -> list[Stored]:
    """Return the shipped profiles and then a person's own, by name; broken ones among them."""
    ours = [_stored(path, is_shipped=True) for path in _files(_shipped())]
    theirs = [_stored(path, is_shipped=False) for path in _files(_folder(home))]
    return sorted(ours, key=_by_name) + sorted(theirs, key=_by_name)


def path_of(home: Path, profile_id: str) -> Path:
    """Return the file of a profile. Raises NotFound."""
    for folder in (_shipped(), _folder(home)):
        path = folder / f"{profile_id}{_ENDING}"
        if _IDENTIFIER.match(profile_id) and path.is_file():
            return path
    raise NotFound(
        f"There is no safety profile with the id {profile_id[:64]}.",
        "Choose another on the page Safety.",
    )


def find(home: Path, profile_id: str) -> Stored:
    """Return one profile, broken or not. Raises NotFound."""
    path = path_of(home, profile_id)
    return _stored(path, is_shipped=path.parent == _shipped())


def get(home: Path, profile_id: str) -> Profile:
    """Return what a profile says.

    Raises:
        NotFound: there is none of this id.
        Broken: its file cannot be used.
    """
    found = find(home, profile_id)
    if found.profile is None:
        raise Broken(found.path, found.faults)
    return found.profile


def text(home: Path, profile_id: str) -> str:
    """Return a profile's file as it is, a broken one too. Raises NotFound."""
    return _text(path_of(home, profile_id))


def add(home: Path, profile: Profile) -> Stored:
    """Keep a new profile of a person's own; its id comes from its name."""
    begin = _begin(profile.name)
    taken = {each.id for each in all_of(home)} | {path.stem for path in _files(_deleted(home))}
    number, free = 2, begin
    while free in taken:
        free, number = f"{begin}-{number}", number + 1
    write_private(_folder(home) / f"{free}{_ENDING}", files.written(profile))
    return find(home, free)


def replace(home: Path, profile_id: str, profile: Profile) -> Stored:
    """Write a person's own profile anew.

    Raises:
        NotFound: there is none of this id.
        StudioError: it ships with the studio.
    """
    write_private(_own(home, profile_id).path, files.written(profile))
    return find(home, profile_id)


def delete(home: Path, profile_id: str) -> None:
    """Put a person's own profile aside. Raises NotFound, or StudioError for a shipped one."""
    path = _own(home, profile_id).path
    _deleted(home).mkdir(parents=True, exist_ok=True)
    for old in _files(_deleted(home)):
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            old.unlink(missing_ok=True)
    aside = _deleted(home) / path.name
    path.replace(aside)
    os.utime(aside)


def restore(home: Path, profile_id: str) -> Stored:
    """Bring a deleted profile back. Raises NotFound."""
    path = _deleted(home) / f"{profile_id}{_ENDING}"
    if not _IDENTIFIER.match(profile_id) or not path.is_file():
        raise NotFound(f"There is no deleted safety profile with the id {profile_id[:64]}.")
    path.replace(_folder(home) / path.name)
    return find(home, profile_id)


def _own(home: Path, profile_id: str) -> Stored:
    found = find(home, profile_id)
    if found.is_shipped:
        raise StudioError(
            f"{found.name} ships with the studio and stays as it is.", "Copy it and edit the copy."
        )
    return found


def _stored(path: Path, *, is_shipped: bool) -> Stored:
    try:
        return Stored(path.stem, path, is_shipped, files.read(_text(path)), [])
    except Refused as error:
        return Stored(path.stem, path, is_shipped, None, error.faults)


def _text(path: Path) -> str:
    """Return a file's text; what is no UTF-8 shows as what cannot be read."""
    with path.open("rb") as file:
        return file.read(4 * files.LARGEST + 4).decode("utf-8-sig", errors="replace")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"*{_ENDING}") if _IDENTIFIER.match(path.stem)]


def _shipped() -> Path:
    return shipped.folder("static") / "profiles"


def _folder(home: Path) -> Path:
    return home / "profiles"


def _deleted(home: Path) -> Path:
    return _folder(home) / "deleted"


def _begin(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return words[:50].strip("_") or "profile"


def _by_name(found: Stored) -> str:
    return found.name.casefold()
