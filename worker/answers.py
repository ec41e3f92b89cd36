"""Analyses: what the worker finds out about a dataset once it has been read."""

from pathlib import Path
from typing import Any

from storage import base_models, datasets, specs
from storage.analyses import token_lengths
from storage.safety.profile import Profile
from storage.tables import AnalysisRow
from worker.prepare import Place, Report


def care(place: Place, row: AnalysisRow, report: Report) -> dict[str, Any]:
    """Look for duplicates, personal data and odd answers; returns the result."""
    from worker.datasets.care import analyse  # noqa: PLC0415  (language models: this child alone)

    return {"result": analyse(_rows(place, row), report)}


def safety(place: Place, row: AnalysisRow, report: Report) -> dict[str, Any]:
    """Look for rows that break a rule of a safety profile; returns the result.

    Raises:
        StudioError: a rule's pattern takes too long.
    """
    from worker.safety.rows import check  # noqa: PLC0415  (this child alone)

    profile = Profile.model_validate(row.question["profile"])
    return {"result": check(_rows(place, row), profile, report)}


def tokens(place: Place, row: AnalysisRow, report: Report) -> dict[str, Any]:
    """Count the tokens of every row for a model; returns the result, the lengths are kept aside.

    Raises:
        StudioError: a row cannot be written in the model's chat format.
    """
    from worker.training.counting import analyse_tokens  # noqa: PLC0415  (torch: this child alone)

    answers_only = bool(row.question["response_only"])
    model = base_models.get(place.database, row.owner, str(row.base_model_id))
    folder = _rows(place, row)
    kept = folder / token_lengths(str(model.fingerprint), answers_only=answers_only)
    found = analyse_tokens(folder, Path(str(model.folder)), answers_only, kept, report)
    return {"result": found}


def preview(place: Place, row: AnalysisRow, _report: Report) -> dict[str, Any]:
    """Write some rows token by token, as training does; returns the result.

    Raises:
        StudioError: a row cannot be written in the model's chat format.
    """
    from worker.training.preview import preview as written  # noqa: PLC0415  (torch)

    model = base_models.get(place.database, row.owner, str(row.base_model_id))
    asked = row.question
    folder, base = _rows(place, row), Path(str(model.folder))
    wanted = (asked.get("chat_template", "model"), asked.get("custom_template"))
    found = written(
        folder, base, asked["rows"], asked["max_length"], asked["response_only"], wanted
    )
    return {"result": found}


def memory(place: Place, row: AnalysisRow, _report: Report) -> dict[str, Any]:
    """Take one step with shapes instead of numbers; returns the bytes that it holds at most.

    Raises:
        StudioError: the settings do not fit the model, or cannot be tried.
    """
    from worker.training.dry_run import estimate  # noqa: PLC0415  (torch: this child alone)
    from worker.training.dry_run.material import Case  # noqa: PLC0415  (as before)

    model = base_models.get(place.database, row.owner, str(row.base_model_id))
    places = {"dataset_id": row.dataset_id, "base_model_id": model.id}
    asked = row.question
    spec = specs.parse({**asked["settings"], **places})
    texts = tuple(int(length) for length in asked["texts"])
    case = Case(spec, Path(str(model.folder)), texts, asked["learned"], asked["asks_first"])
    return {"result": estimate.of(case)}


def _rows(place: Place, row: AnalysisRow) -> Path:
    found = datasets.get(place.database, row.owner, row.dataset_id)
    return place.files.dataset(found.sha256) / found.prepared
