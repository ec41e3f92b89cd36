"""Datasets: take a file in, list, look at, delete and bring back."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from storage import artifacts, datasets, owned, shipped, work
from storage.datasets import NOT_MADE, ORIGINAL, Dataset
from storage.errors import StudioError
from storage.operations import Operation
from storage.status import WorkStatus
from storage.tables import DatasetRow
from studio.services import names
from studio.services.studio import Studio

SAMPLES = shipped.folder("static") / "samples"
_BLOCK = 1 << 20


class TooLarge(StudioError):
    """A file is larger than the studio takes."""


def receive(
    studio: Studio,
    owner: str,
    file_name: str,
    blocks: Iterable[bytes],
    operation: Operation | None = None,
) -> Dataset:
    """Store an uploaded file by its content and let the worker read it.

    The content arrives in blocks and is never held in memory whole. A file that this person has
    already is recognised by its content: the dataset that is there is returned. `operation` says
    where the content came from, if it is no uploaded file.

    Raises:
        TooLarge: the file is larger than `max_upload_bytes`.
        OSError: the disk is full.
    """
    staging = studio.artifacts.scratch()
    try:
        size, digest = _write(studio, staging / ORIGINAL, blocks)
        keep(staging, studio.artifacts.dataset(digest))
    finally:
        artifacts.remove(staging)
    return remember(studio, owner, file_name, digest, size, operation)[0]


def receive_file(studio: Studio, owner: str, path: Path, file_name: str | None = None) -> Dataset:
    """Store a file that lies on this machine (see `receive`).

    Raises:
        StudioError: there is no such file, or `receive` refuses it.
    """
    if not path.is_file():
        raise StudioError(f"There is no file {path.name}.", "Check the name and try again.")
    return receive(studio, owner, file_name or path.name, _blocks(path))


def remember(
    studio: Studio,
    owner: str,
    file_name: str,
    sha256: str,
    size: int,
    operation: Operation | None = None,
) -> tuple[Dataset, bool]:
    """Return the dataset of a content that is kept, and whether the person had it already."""
    known = datasets.find_content(studio.database, owner, sha256)
    if known is not None and known.status is not WorkStatus.FAILED:
        return known, True
    shown = names.of_upload(file_name)
    added = datasets.add(studio.database, owner, shown, sha256, size, operation)
    studio.doorbell.ring()
    return added, False


def keep(staging: Path, target: Path) -> None:
    """Publish a folder with a file under its content's hash; the same content is already right."""
    if not target.exists():
        try:
            artifacts.publish(staging, target)
        except OSError:  # somebody else published the same content in this moment
            if not datasets.original(target).is_file():
                raise


def check_size(studio: Studio, size: int) -> None:
    """Raise TooLarge where a file of so many bytes is more than the studio takes."""
    most = studio.settings.max_upload_bytes
    if size > most:
        raise TooLarge(
            f"The file is larger than the {most / 1e9:.3g} GB that the studio takes.",
            "Split it, or raise STUDIO_MAX_UPLOAD_BYTES.",
        )


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[Dataset]:
    """Return a person's datasets, newest first."""
    return datasets.all_of(studio.database, owner, deleted=deleted)


def get(studio: Studio, owner: str, dataset_id: str) -> Dataset:
    """Return one dataset. Raises NotFound."""
    return datasets.get(studio.database, owner, dataset_id)


def original(studio: Studio, owner: str, dataset_id: str) -> Path:
    """Return the person's file, unchanged. Raises NotFound; StudioError where it is not made."""
    found = get(studio, owner, dataset_id)
    if found.sha256 != NOT_MADE:
        path = datasets.original(studio.artifacts.dataset(found.sha256))
        if path.is_file():
            return path
    raise StudioError(
        f"There is no file of {found.name} yet.", "Wait until the worker has made it."
    )


def rows_folder(studio: Studio, owner: str, dataset_id: str) -> Path:
    """Return the folder with a dataset's rows. Raises NotFound; StudioError: not read yet."""
    found = get(studio, owner, dataset_id)
    folder = prepared(studio, found)
    if folder is None:
        raise StudioError(
            f"{found.name} has not been read yet.", "Wait until it is ready, then try again."
        )
    return folder


def prepared(studio: Studio, found: Dataset) -> Path | None:
    """Return the folder with a dataset's rows; None while they are not there."""
    if found.sha256 == NOT_MADE:
        return None
    folder = studio.artifacts.dataset(found.sha256) / found.prepared
    return folder if folder.is_dir() else None


def delete(studio: Studio, owner: str, dataset_id: str) -> None:
    """Delete a dataset from view; `restore` brings it back. Raises NotFound."""
    owned.mark_deleted(studio.database, DatasetRow, owner, dataset_id, deleted=True)


def restore(studio: Studio, owner: str, dataset_id: str) -> None:
    """Bring a deleted dataset back. Raises NotFound."""
    owned.mark_deleted(studio.database, DatasetRow, owner, dataset_id, deleted=False)


def retry(studio: Studio, owner: str, dataset_id: str) -> None:
    """Let the worker read a failed dataset again. Raises NotFound, StudioError."""
    work.retry(studio.database, DatasetRow, dataset_id, owner)
    studio.doorbell.ring()


def add_samples(studio: Studio, owner: str) -> list[Dataset]:
    """Add the sample datasets that ship with the studio; those that are there already stay."""
    return [add_sample(studio, owner, file.stem) for file in sorted(SAMPLES.glob("*.jsonl"))]


def add_sample(studio: Studio, owner: str, stem: str) -> Dataset:
    """Add the sample dataset of that file name; where its content is there already, return that."""
    shown = stem.replace("_", " ").capitalize()
    return receive_file(studio, owner, SAMPLES / f"{stem}.jsonl", shown)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _write(studio: Studio, path: Path, blocks: Iterable[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for block in blocks:
            size += len(block)
            check_size(studio, size)
            digest.update(block)
            file.write(block)
    return size, digest.hexdigest()
