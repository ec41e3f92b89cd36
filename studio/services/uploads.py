"""Uploads that survive: a file comes in pieces, and goes on where it was after any interruption.

An upload is a folder: `part` (the bytes so far) and `state.json`. A piece counts once both are on
disk; what a process that died has written beyond that is cut off. Pieces of one upload are taken
one after the other, whoever sends them (a lock on the folder, across threads and processes).
"""

import errno
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from storage import artifacts, ids
from storage.datasets import ORIGINAL, Dataset
from storage.errors import NotFound, StudioError
from studio.services import datasets
from studio.services.studio import Studio

LEFT_BEHIND_SECONDS = 7 * 86_400
"""An upload that nobody has touched for so long is removed."""

_STATE = "state.json"
_PART = "part"
_WHOLE = "whole"  # the folder that becomes the dataset's


class Misplaced(StudioError):
    """A piece does not begin where the upload ends; `received` bytes are there."""

    def __init__(self, received: int) -> None:
        super().__init__(f"Go on from byte {received}.", "Another tab may be sending this file.")
        self.received = received


@dataclass(frozen=True)
class Upload:
    """A file on its way in.

    Attributes:
        last_modified: of the file on the person's machine, in milliseconds since 1970; name, size
            and this tell whether a file that is chosen again is the same one.
        received: bytes that are safely on disk.
        sha256: of the whole file, once it is known.
        dataset_id: what became of it, once it is finished.
        known: whether that dataset was there already.
    """

    id: str
    owner: str
    name: str
    size: int
    last_modified: int
    received: int = 0
    sha256: str | None = None
    dataset_id: str | None = None
    known: bool = False


def begin(studio: Studio, owner: str, name: str, size: int, last_modified: int) -> Upload:
    """Return an upload to send this file to: the one that was broken off, if there is one.

    Raises:
        TooLarge: the file is larger than `max_upload_bytes`.
        OSError: there is no room for it on the disk.
    """
    datasets.check_size(studio, size)
    sweep(studio)
    with _locked(_home(studio)):
        for known in _all(studio):
            file = (known.owner, known.name, known.size, known.last_modified)
            if file == (owner, name, size, last_modified) and known.dataset_id is None:
                _check_room(studio, size - known.received)
                return known
        _check_room(studio, size)
        upload = Upload(ids.new("upload"), owner, name, size, last_modified)
        folder = _folder(studio, upload.id)
        folder.mkdir()
        (folder / _PART).touch()
        _save(folder, upload)
        return upload


def get(studio: Studio, owner: str, upload_id: str) -> Upload:
    """Return an upload as it is on disk. Raises NotFound."""
    if ids.is_safe(upload_id):
        found = _read(_folder(studio, upload_id))
        if found is not None and found.owner == owner:
            return found
    raise NotFound(f"There is no upload with the id {upload_id}.", "Begin it again.")


def put(studio: Studio, owner: str, upload_id: str, offset: int, piece: bytes) -> Upload:
    """Add a piece at its place; when this returns it is safely on disk.

    Raises:
        NotFound: there is no such upload of that owner.
        Misplaced: the upload does not end at `offset`.
        StudioError: the piece goes beyond the size that was announced.
        OSError: the disk is full; what arrived before is kept.
    """
    get(studio, owner, upload_id)
    folder = _folder(studio, upload_id)
    with _locked(folder):
        upload = get(studio, owner, upload_id)
        if offset != upload.received or upload.dataset_id is not None:
            raise Misplaced(upload.received)
        if offset + len(piece) > upload.size:
            raise StudioError(
                f"More has come than the {upload.size} bytes that were announced.",
                "The file has changed meanwhile: choose it again.",
            )
        _write(folder / _PART, offset, piece)
        grown = replace(upload, received=offset + len(piece))
        _save(folder, grown)
        return grown


def finish(studio: Studio, owner: str, upload_id: str) -> tuple[Dataset, bool]:
    """Make a dataset of a file that is here whole; tells too whether it was known already.

    Asked again, it gives the same dataset: an answer that was lost on its way does no harm.

    Raises:
        NotFound: there is no such upload of that owner.
        StudioError: a part of the file is missing.
    """
    get(studio, owner, upload_id)
    folder = _folder(studio, upload_id)
    with _locked(folder):
        upload = get(studio, owner, upload_id)
        if upload.dataset_id is not None:
            return datasets.get(studio, owner, upload.dataset_id), upload.known
        if upload.received != upload.size:
            missing = upload.size - upload.received
            raise StudioError(f"{missing} bytes are missing.", "Send the rest, then finish.")
        upload = _published(studio, folder, upload)
        found, known = datasets.remember(
            studio, owner, upload.name, str(upload.sha256), upload.size
        )
        _save(folder, replace(upload, dataset_id=found.id, known=known))
        return found, known


def delete(studio: Studio, owner: str, upload_id: str) -> None:
    """Throw an upload away with all that has arrived. Raises NotFound."""
    get(studio, owner, upload_id)
    folder = _folder(studio, upload_id)
    with _locked(folder):
        artifacts.remove(folder)


def sweep(studio: Studio, seconds: float = LEFT_BEHIND_SECONDS) -> None:
    """Remove the uploads that nobody has touched for so long."""
    before = time.time() - seconds
    with _locked(_home(studio)):
        for folder in _home(studio).glob("upload_*"):
            if folder.stat().st_mtime < before:  # every saved state touches the folder
                artifacts.remove(folder)


def _published(studio: Studio, folder: Path, upload: Upload) -> Upload:
    """Move the file to its place among the datasets; after a death it goes on where it was."""
    whole = folder / _WHOLE
    if (folder / _PART).is_file():
        whole.mkdir(exist_ok=True)
        (folder / _PART).rename(whole / ORIGINAL)
    if whole.is_dir():
        (whole / artifacts.MANIFEST).unlink(missing_ok=True)
        upload = replace(upload, sha256=artifacts.sha256(whole / ORIGINAL))
        _save(folder, upload)
        datasets.keep(whole, studio.artifacts.dataset(str(upload.sha256)))
        artifacts.remove(whole)
    return upload


def _write(path: Path, offset: int, piece: bytes) -> None:
    with path.open("r+b", buffering=0) as file:
        file.truncate(offset)
        file.seek(offset)
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(offset)  # gives back the room of what will be sent again
            raise


def _save(folder: Path, upload: Upload) -> None:
    artifacts.write_private(folder / _STATE, json.dumps(asdict(upload)))


def _read(folder: Path) -> Upload | None:
    try:
        return Upload(**json.loads((folder / _STATE).read_bytes()))
    except FileNotFoundError:
        return None


def _all(studio: Studio) -> Iterator[Upload]:
    for folder in sorted(_home(studio).glob("upload_*")):
        found = _read(folder)
        if found is not None:
            yield found


def _check_room(studio: Studio, size: int) -> None:
    if shutil.disk_usage(_home(studio)).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(_home(studio)))


def _home(studio: Studio) -> Path:
    home = studio.settings.home / "uploads" / "pieces"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _folder(studio: Studio, upload_id: str) -> Path:
    return _home(studio) / upload_id


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock; it goes with the process that holds it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        raise NotFound("This upload is gone.", "Begin it again.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
