"""Files to take away: a dataset's rows, the person's own file, what was refused, a template."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from storage import audit
from storage.audit import Action
from storage.datasets import Dataset
from storage.errors import StudioError
from studio.services import dataset_rows, datasets, names
from studio.services.studio import Studio
from worker import tasks

Format = Literal["jsonl", "csv", "parquet"]

TEMPLATES: Final[dict[str, str]] = {
    "csv": (
        "\ufeffquestion,answer,system\r\n"
        '"What is a fever?","A body temperature above 38 degrees. Drink plenty and rest.",'
        '"You explain health in plain words."\r\n'
        '"Can I take ibuprofen with food?","Yes. With food it is easier on the stomach.",\r\n'
    ),
    "jsonl": (
        '{"question": "What is a fever?", "answer": "A body temperature above 38 degrees. '
        'Drink plenty and rest.", "system": "You explain health in plain words."}\n'
        '{"question": "Can I take ibuprofen with food?", "answer": "Yes. With food it is easier '
        'on the stomach."}\n'
    ),
}
"""Files to fill in, by format. The mark at the start of the CSV tells spreadsheets that it is
UTF-8; `system` may be left empty."""


@dataclass(frozen=True)
class Table:
    """The rows as a file that is made while it is read; its first block is made already."""

    name: str
    blocks: Iterator[bytes]


def rows(studio: Studio, owner: str, dataset_id: str) -> tuple[Path, str]:
    """Return the file of a dataset's normalised rows, and the name to offer for it.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: it has not been read yet.
    """
    folder = datasets.rows_folder(studio, owner, dataset_id)
    return folder / "rows.jsonl", _noted(studio, owner, dataset_id, ".jsonl")


def table(studio: Studio, owner: str, dataset_id: str, kind: Literal["csv", "parquet"]) -> Table:
    """Return a dataset's rows as a table that opens in a spreadsheet or a notebook.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: it has not been read yet, or its rows make no table.
    """
    folder = datasets.rows_folder(studio, owner, dataset_id)
    blocks = tasks.table(folder, kind)
    first = next(blocks, b"")
    return Table(_noted(studio, owner, dataset_id, f".{kind}"), chain([first], blocks))


def original(studio: Studio, owner: str, dataset_id: str) -> tuple[Path, str]:
    """Return the person's file, unchanged, and the name to offer for it.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: it is a version that is still being made.
    """
    path = datasets.original(studio, owner, dataset_id)
    found = datasets.get(studio, owner, dataset_id)
    stem = names.without_kind(found.name)
    ending = found.name[len(stem) :] or "." + (found.report or {}).get("format", "jsonl")
    _note(studio, owner, found, "original")
    return path, names.for_download(stem, ending)


def faults(studio: Studio, owner: str, dataset_id: str) -> tuple[Path, str]:
    """Return the file of all that was refused, each with its reason, and the name to offer for it.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: nothing was refused, or it has not been read yet.
    """
    datasets.rows_folder(studio, owner, dataset_id)
    found = datasets.get(studio, owner, dataset_id)
    path = dataset_rows.faults_file(studio, found)
    if path is None:
        raise StudioError(f"Nothing of {found.name} was refused.")
    return path, _noted(studio, owner, dataset_id, "-refused.jsonl")


def _noted(studio: Studio, owner: str, dataset_id: str, suffix: str) -> str:
    """Return the name to offer for a file, which the audit tells of."""
    found = datasets.get(studio, owner, dataset_id)
    _note(studio, owner, found, suffix)
    return names.for_download(names.without_kind(found.name), suffix)


def _note(studio: Studio, owner: str, found: Dataset, file: str) -> None:
    told = {"name": found.name, "file": file}
    audit.noted(studio.database, owner, Action.DOWNLOADED, found.id, told)
