"""What a recipe works on: one attempt of one run, with its data, its base model and its folders."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import base_models, checkpoints, datasets, events, identities, leases, runs, shrinking
from storage.artifacts import Artifacts
from storage.base_models import Base
from storage.database import Database
from storage.datasets import Dataset
from storage.errors import StudioError
from storage.events import Event
from storage.runs import Run
from storage.settings import Settings
from storage.specs import RunSpec
from storage.status import RunStatus, WorkStatus
from storage.tables import RunRow


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended: FINISHED, STOPPED, DISCARDED or QUEUED, and in words."""

    status: RunStatus
    words: str


@dataclass(frozen=True)
class Job:
    """One attempt of a run. The database is this process's own: none survives a fork."""

    settings: Settings
    database: Database
    run: Run
    attempt: int
    dataset: Dataset
    base: Base
    teacher: Base | None = None
    extensions: tuple[Event, ...] = ()

    @property
    def spec(self) -> RunSpec:
        """The settings that the run trains with: its own, with less read at once if need be."""
        return shrinking.shrunk(self.run.spec, self.run.halvings)

    @property
    def files(self) -> Artifacts:
        """The studio's folders."""
        return Artifacts(self.settings.home)

    @property
    def run_folder(self) -> Path:
        """Folder of the run."""
        return self.files.run(self.run.id)

    @property
    def working_folder(self) -> Path:
        """Folder that only this attempt writes to; nothing in it counts."""
        return self.run_folder / f".working-{self.attempt}"

    @property
    def rows_folder(self) -> Path:
        """Folder of the inspected rows."""
        return self.files.dataset(self.dataset.sha256) / self.dataset.prepared

    @property
    def base_folder(self) -> Path:
        """Folder of the model that is loaded: the base model, or the whole model gone on from."""
        start = self.start_folder
        if start is not None and checkpoints.is_model(start):
            return start
        return folder_of(self.base, "base model")

    @property
    def start_folder(self) -> Path | None:
        """Folder that keeps what the run goes on from; None where it begins anew."""
        return None if self.spec.start_from is None else self.run_folder / "start"

    @property
    def base_name(self) -> str:
        """What the base model is called outside: its hub name, else its own; never a path."""
        is_hub = self.base.source is base_models.Source.HUB
        return self.base.reference if is_hub else self.base.name

    @property
    def taught_by(self) -> Base:
        """The larger model that is learned from. Raises StudioError where there is none."""
        if self.teacher is None:
            raise StudioError("This run has no teacher.", "Choose the model to learn from.")
        return self.teacher

    @property
    def teacher_folder(self) -> Path:
        """Folder of the larger model that is learned from."""
        return folder_of(self.taught_by, "teacher")

    @property
    def identity(self) -> dict[str, str | None]:
        """What must be the same for a checkpoint to be gone on from."""
        taught = {"teacher": self.teacher.fingerprint} if self.teacher else {}
        return {
            "spec": identities.of(self.run.spec),
            "dataset": self.dataset.fingerprint,
            "base": self.base.fingerprint,
            **taught,
        }

    @property
    def extended_at(self) -> int:
        """The step after which the course was last made longer; 0: it is as it was planned."""
        return max((int((one.details or {})["step"]) for one in self.extensions), default=0)

    def difference(self, told: Mapping[str, Any]) -> str | None:
        """Return which part of its identity is not what was told then; None where all of it is.

        A course that was made longer since is the same run.
        """
        shorter = [(one.details or {})["before"] for one in self.extensions]
        mine = [self.run.spec, *(self.run.spec.model_copy(update=one) for one in shorter)]
        for name, value in self.identity.items():
            if name == "spec":
                is_same = any(identities.is_of(spec, told.get(name)) for spec in mine)
            else:
                is_same = told.get(name) == value
            if not is_same:
                return name
        return None


def opened(settings: Settings, run_id: str, attempt: int) -> Job:
    """Return the job of an attempt, with a database of this process's own.

    Raises:
        NotFound: the run, its data, its base model or its teacher is not there.
        Superseded: a newer attempt has taken over.
    """
    database = Database(settings.database)
    with database.read() as session:
        run = Run.model_validate(leases.guard(session, RunRow, run_id, attempt))
    dataset = datasets.get(database, run.owner, run.dataset_id)
    base = base_models.get(database, run.owner, run.base_model_id)
    teacher = _teacher(database, run)
    told = events.of(database, run_id)
    extensions = tuple(event for event in told if event.kind == runs.EXTENDED)
    return Job(settings, database, run, attempt, dataset, base, teacher, extensions)


def _teacher(database: Database, run: Run) -> Base | None:
    wanted = run.spec.teacher_model_id
    if run.spec.method != "distill" or wanted is None:
        return None
    return base_models.get(database, run.owner, wanted)


def folder_of(model: Base, role: str) -> Path:
    """Return the folder of a model. Raises StudioError where it has none yet."""
    if model.folder is None or model.status is not WorkStatus.READY:
        raise StudioError(
            f"The {role} {model.name} has no files yet.", "Wait until it is ready, then resume."
        )
    return Path(model.folder)
