"""Background work, in children of the worker: reading and making datasets, bringing models in."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import artifacts, datasets, mappings, model_facts
from storage.artifacts import Artifacts
from storage.database import Database
from storage.datasets import ORIGINAL, prepared_name
from storage.mappings import Mapping
from storage.operations import OPERATION, Answers, Hub, Operation
from storage.settings import Settings
from storage.tables import BaseModelRow, DatasetRow
from worker import answering
from worker.datasets import operations
from worker.datasets.inspect import inspect
from worker.datasets.mapping import Unsure
from worker.datasets.operations.hub import download
from worker.endings import KEPT
from worker.models import importing

Report = Callable[[float, str], None]
"""Told the share done (0 to 1) and what is being done; raises Superseded to end the work."""

_MAKING = 0.5
"""Share of the work on a version that is done once its file is made."""

_SHARES = {"answers": 0.98}
"""The same of operations that take long."""


@dataclass(frozen=True)
class Place:
    """Where the work finds its things: the settings, and a database of this process's own."""

    settings: Settings
    database: Database

    @property
    def files(self) -> Artifacts:
        """The studio's folders."""
        return Artifacts(self.settings.home)


def dataset(place: Place, row: DatasetRow, report: Report) -> dict[str, Any]:
    """Read a dataset's file, once for all datasets of that very content and mapping.

    A version's file is made first, out of the rows of its parents; a hub dataset's is fetched.

    Returns:
        what was found, by column: sha256, bytes, shape, target, mapping, the counts and the report.

    Raises:
        StudioError: the file is of no use as a whole.
        Unsure: it must be asked which field is what; `found` has the columns known by then.
    """
    told, about = report, dict[str, Any]()
    if row.sha256 == datasets.NOT_MADE:
        share = _SHARES.get((row.operation or {}).get("kind", ""), _MAKING)
        row.sha256, row.bytes, about = _make(place, row, _part(report, 0.0, share))
        told = _part(report, share, 1.0)
    folder = place.files.dataset(row.sha256)
    made = {"sha256": row.sha256, "bytes": row.bytes}
    mapping = Mapping(**row.mapping) if row.mapping else None
    try:
        return made | _with(_read(folder, mapping, told), about)
    except Unsure as unsure:
        names = [column["name"] for column in unsure.question["columns"]]
        known = datasets.remembered(place.database, row.owner, mappings.signature(names))
        if known is None or mapping is not None:
            unsure.found = made
            raise
        return made | _read(folder, known, told)


def _with(found: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    """Add to a version's report who wrote its answers; equal content has one reading for all."""
    if not about:
        return found
    warnings = [*found["report"].get("warnings", []), *about["sentences"]]
    return found | {"report": {**found["report"], "warnings": warnings, "written_by": about}}


def _make(place: Place, row: DatasetRow, report: Report) -> tuple[str, int, dict[str, Any]]:
    """Make the file of a version and keep it by its content.

    Returns:
        its SHA-256, its size, and what its report tells of its making.
    """
    operation = OPERATION.validate_python(row.operation)
    staging = place.files.work(row.id) / "made"  # the same again after a death: a download goes on
    staging.mkdir(parents=True, exist_ok=True)
    about = _fill(place, row, operation, staging / ORIGINAL, report)
    sha256 = artifacts.sha256(staging / ORIGINAL)
    size = (staging / ORIGINAL).stat().st_size
    folder = place.files.dataset(sha256)
    if not folder.exists():
        artifacts.publish(staging, folder)
    artifacts.remove(staging)
    return sha256, size, about


def _fill(
    place: Place, row: DatasetRow, operation: Operation, target: Path, report: Report
) -> dict[str, Any]:
    if isinstance(operation, Hub):
        settings = place.settings
        download(operation, target, settings.hub_endpoint, settings.hub_token(), report)
        return {}
    family = {each.id: each for each in datasets.family(place.database, row.owner)}
    parents = [family[parent] for parent in operation.parents]
    folders = [place.files.dataset(each.sha256) / each.prepared for each in parents]
    if isinstance(operation, Answers):
        given = (operation, folders[0])
        asked = answering.asked(place.database, place.files, row.owner, given)
        return answering.write(asked, target, place.files.work(row.id) / KEPT, report)
    operations.apply(operation, folders, target, report)
    return {}


def _read(folder: Path, mapping: Mapping | None, report: Report) -> dict[str, Any]:
    prepared = folder / prepared_name(mapping)
    with artifacts.alone(prepared):
        if not prepared.exists():
            _inspect(folder, prepared, mapping, report)
    return _of_report(prepared / "report.json", mapping)


def _inspect(folder: Path, prepared: Path, mapping: Mapping | None, report: Report) -> None:
    parts = folder / f".reading-{prepared.name}"
    workers = len(os.sched_getaffinity(0))
    source = datasets.original(folder)
    with artifacts.staged(prepared) as staging:
        inspect(source, staging, report, mapping=mapping, workers=workers, parts=parts)
    artifacts.remove(parts)


def _part(report: Report, start: float, end: float) -> Report:
    """A report whose whole is the part of `report` from `start` to `end`."""
    return lambda share, words: report(start + (end - start) * share, words)


def starter(place: Place, row: BaseModelRow, report: Report) -> dict[str, Any]:
    """Build the starter model; returns folder, fingerprint and facts."""
    from worker.starter.build import build  # noqa: PLC0415  (torch: only the child loads it)

    folder = place.files.base_model(row.id)
    if not folder.exists():  # it does after a death between the building and the telling
        with artifacts.staged(folder) as staging:
            build(staging, report)
    return _of_model(folder)


def model_folder(place: Place, row: BaseModelRow, report: Report) -> dict[str, Any]:
    """Check a model folder of the person's, used in place; returns folder, fingerprint and facts.

    Raises:
        StudioError: it holds no base model that can be used.
    """
    importing.import_folder(row.reference, report)
    return _of_model(Path(row.reference.strip()).expanduser().resolve())


def hub_model(place: Place, row: BaseModelRow, report: Report) -> dict[str, Any]:
    """Download a model, going on where an earlier attempt ended; returns as `model_folder`.

    Raises:
        StudioError: the hub does not have it, does not give it, or it cannot be used.
    """
    folder = place.files.base_model(row.id)
    token, endpoint = place.settings.hub_token(), place.settings.hub_endpoint
    importing.download(row.reference, row.revision, folder, token, report, endpoint)
    return _of_model(folder)


def _of_report(file: Path, mapping: Mapping | None) -> dict[str, Any]:
    report = json.loads(file.read_bytes())
    found = {name: report[name] for name in _COLUMNS}
    used = mapping.model_dump(mode="json") if mapping else None
    return found | {"report": report, "mapping": used, "question": None}


_COLUMNS = (
    "shape",
    "target",
    "fingerprint",
    "rows_good",
    "rows_repaired",
    "rows_refused",
    "rows_held_out",
)


def _of_model(folder: Path) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "fingerprint": importing.fingerprint(folder),
        "facts": model_facts.read(folder).model_dump(mode="json"),
    }
