"""Background work, in children of the worker: reading datasets and bringing base models in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage import artifacts, model_facts
from storage.artifacts import Artifacts
from storage.datasets import ORIGINAL, PREPARED
from storage.settings import Settings
from storage.tables import BaseModelRow, DatasetRow
from worker.datasets.inspect import inspect
from worker.models import importing

Report = Callable[[float, str], None]
"""Told the share done (0 to 1) and what is being done; raises Superseded to end the work."""


def dataset(settings: Settings, row: DatasetRow, report: Report) -> dict[str, Any]:
    """Read a dataset's file, once for all datasets of that very content.

    Returns:
        what was found, by column: shape, rows_good, rows_refused and report.

    Raises:
        StudioError: the file is of no use as a whole.
    """
    folder = Artifacts(settings.home).dataset(row.sha256)
    prepared = folder / PREPARED
    if not prepared.exists():
        try:
            with artifacts.staged(prepared) as staging:
                inspect(folder / ORIGINAL, staging, report)
        except FileExistsError:
            pass  # another dataset of the same content was read meanwhile
    return _of_report(prepared / "report.json")


def starter(settings: Settings, row: BaseModelRow, report: Report) -> dict[str, Any]:
    """Build the starter model; returns folder, fingerprint and facts."""
    from worker.starter.build import build  # noqa: PLC0415  (torch: only the child loads it)

    folder = Artifacts(settings.home).base_model(row.id)
    if not folder.exists():  # it does after a death between the building and the telling
        with artifacts.staged(folder) as staging:
            build(staging, report)
    return _of_model(folder)


def model_folder(settings: Settings, row: BaseModelRow, report: Report) -> dict[str, Any]:
    """Check a model folder of the person's, used in place; returns folder, fingerprint and facts.

    Raises:
        StudioError: it holds no base model that can be used.
    """
    importing.import_folder(row.reference, report)
    return _of_model(Path(row.reference.strip()).expanduser().resolve())


def hub_model(settings: Settings, row: BaseModelRow, report: Report) -> dict[str, Any]:
    """Download a model, going on where an earlier attempt ended; returns as `model_folder`.

    Raises:
        StudioError: the hub does not have it, does not give it, or it cannot be used.
    """
    folder = Artifacts(settings.home).base_model(row.id)
    importing.download(
        row.reference, row.revision, folder, settings.hub_token(), report, settings.hub_endpoint
    )
    return _of_model(folder)


def _of_report(file: Path) -> dict[str, Any]:
    report = json.loads(file.read_bytes())
    return {name: report[name] for name in ("shape", "rows_good", "rows_refused")} | {
        "report": report
    }


def _of_model(folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "fingerprint": importing.fingerprint(folder),
        "facts": model_facts.read(folder).model_dump(mode="json"),
    }
