"""Datasets: take a file in, list, show rows and faults, delete and bring back."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from storage import artifacts, datasets, owned, rows, shipped, work
from storage.datasets import ORIGINAL, PREPARED, Dataset
from storage.errors import StudioError
from storage.status import WorkStatus
from storage.tables import DatasetRow
from studio.services import names
from studio.services.studio import Studio

SAMPLES = shipped.folder("static") / "samples"
_BLOCK = 1 << 20


def receive(studio: Studio, owner: str, file_name: str, blocks: Iterable[bytes]) -> Dataset:
    """Store an uploaded file by its content and let the worker read it.

    The content arrives in blocks and is never held in memory whole. A file that this person has
    already is recognised by its content: the dataset that is there is returned.

    Raises:
        StudioError: the file is larger than `max_upload_bytes`, or the disk is full.
    """
    staging = studio.artifacts.scratch()
    try:
        size, digest = _write(staging / ORIGINAL, blocks, studio.settings.max_upload_bytes)
        _keep(staging, studio.artifacts.dataset(digest))
    finally:
        artifacts.remove(staging)
    known = datasets.find_content(studio.database, owner, digest)
    if known is not None and known.status is not WorkStatus.FAILED:
        return known
    added = datasets.add(studio.database, owner, names.of_upload(file_name), digest, size)
    studio.doorbell.ring()
    return added


def receive_file(studio: Studio, owner: str, path: Path, file_name: str | None = None) -> Dataset:
    """Store a file that lies on this machine (see `receive`).

    Raises:
        StudioError: there is no such file, or `receive` refuses it.
    """
    if not path.is_file():
        raise StudioError(f"There is no file {path.name}.", "Check the name and try again.")
    return receive(studio, owner, file_name or path.name, _blocks(path))


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[Dataset]:
    """Return a person's datasets, newest first."""
    return datasets.all_of(studio.database, owner, deleted=deleted)


def get(studio: Studio, owner: str, dataset_id: str) -> Dataset:
    """Return one dataset. Raises NotFound."""
    return datasets.get(studio.database, owner, dataset_id)


def rows_page(
    studio: Studio, owner: str, dataset_id: str, start: int, count: int
) -> list[dict[str, Any]]:
    """Return `count` normalised rows from the `start`-th on (0-based). Raises NotFound."""
    folder = _prepared(studio, get(studio, owner, dataset_id))
    return rows.page(folder, start, count) if folder.is_dir() else []


def faults(studio: Studio, owner: str, dataset_id: str, most: int = 1000) -> list[dict[str, Any]]:
    """Return the first unusable lines: line, column, kind, reason, hint. Raises NotFound."""
    found = get(studio, owner, dataset_id)
    if found.status is WorkStatus.FAILED and found.error:
        return [{"line": 1, "column": 1, "kind": "file", "reason": found.error, "hint": found.hint}]
    return list(_first(_prepared(studio, found) / "faults.jsonl", most))


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


def _prepared(studio: Studio, found: Dataset) -> Path:
    return studio.artifacts.dataset(found.sha256) / PREPARED


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _write(path: Path, blocks: Iterable[bytes], most: int) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        for block in blocks:
            size += len(block)
            if size > most:
                raise StudioError(
                    f"The file is larger than the {most / 1e9:.3g} GB that the studio takes.",
                    "Split it, or raise STUDIO_MAX_UPLOAD_BYTES.",
                )
            digest.update(block)
            file.write(block)
    return size, digest.hexdigest()


def _keep(staging: Path, target: Path) -> None:
    """Publish the uploaded file under its content's hash; the same content is already right."""
    if not target.exists():
        try:
            artifacts.publish(staging, target)
        except OSError:  # somebody else published the same content in this moment
            if not (target / ORIGINAL).is_file():
                raise


def _first(path: Path, most: int) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        for _, line in zip(range(most), file, strict=False):
            yield json.loads(line)
