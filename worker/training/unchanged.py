"""What a run learns from and builds on is what it was when it was brought in: looked at each time.

A disk that rots, or a folder that somebody has worked on, would otherwise change a run silently.
"""

from storage import artifacts
from storage.base_models import Base
from storage.errors import StudioError
from worker.models.importing import fingerprint
from worker.training.job import Job, folder_of


def require(job: Job) -> None:
    """Raise StudioError where the rows, the base model or the teacher changed, or are gone."""
    _require_rows(job)
    _require_model(job.base, "base model")
    if job.teacher is not None:
        _require_model(job.teacher, "teacher")


def _require_rows(job: Job) -> None:
    """Compare each file of the rows with its size and SHA-256 in their manifest."""
    try:
        artifacts.verify(job.rows_folder)
    except artifacts.Damaged as damaged:
        raise StudioError(
            f"The data {job.dataset.name} is not what it was when it was read: {damaged.message}",
            "Upload its file again, then duplicate the run with it.",
        ) from damaged


def _require_model(model: Base, role: str) -> None:
    folder = folder_of(model, role)
    if not folder.is_dir():
        raise StudioError(
            f"The folder of the {role} {model.name} is gone: {folder}.",
            "Put it back, then resume; or bring the model in again and duplicate the run.",
        )
    try:
        now = fingerprint(folder)
    except (
        OSError,
        ValueError,
        StudioError,
    ) as error:  # a file of it is gone, or is no such file any more
        now = f"unreadable: {error}"
    if model.fingerprint is not None and now != model.fingerprint:
        raise StudioError(
            f"The files of the {role} {model.name} changed since it was brought in: {folder}.",
            "Put the earlier files back, then resume; or bring the model in again and duplicate "
            "the run.",
        )
