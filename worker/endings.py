"""How a child's work ended: written by the child when it is whole, read once by its supervisor."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from storage import artifacts

FAILED = "failed"
"""The one status that runs and background work share."""

OUT_OF_MEMORY = "out_of_memory"
"""In what a failed run has found: memory ran out while it took its steps."""

DISK_FULL = "disk_full"
"""In what a failed run has found: it waits for room on a volume, and can then go on."""

KEPT = "kept"
"""Folder, in that of a piece of work, of what an attempt leaves the next; gone once it is ready."""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended.

    Attributes:
        status: the status that the row should now have.
        words: why, in one sentence; of a failure, what the person reads.
        hint: of a failure: what to do now.
        error_id: of a failure that nobody foresaw: what the person can quote.
        found: columns of the row that the work has found out.
    """

    status: str
    words: str = ""
    hint: str = ""
    error_id: str | None = None
    found: dict[str, Any] = field(default_factory=dict)


def write(folder: Path, attempt: int, ending: Ending) -> None:
    """Leave an ending in the folder of the work, whole or not at all."""
    artifacts.write_private(_file(folder, attempt), json.dumps(asdict(ending)))


def take(folder: Path, attempt: int) -> Ending | None:
    """Return and remove the ending that an attempt has left; None: it died before it could."""
    file = _file(folder, attempt)
    if not file.is_file():
        return None
    ending = Ending(**json.loads(file.read_bytes()))
    file.unlink()
    return ending


def _file(folder: Path, attempt: int) -> Path:
    return folder / f"ending-{attempt}.json"
