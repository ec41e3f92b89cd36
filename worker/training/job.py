"""What a recipe works on: one attempt of one run, with its data, its base model and its folders."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from storage import base_models, datasets, leases
from storage.artifacts import Artifacts
from storage.base_models import Base
from storage.database import Database
from storage.datasets import Dataset
from storage.errors import StudioError
from storage.runs import Run
from storage.settings import Settings
from storage.specs import RunSpec
from storage.status import RunStatus
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

    @property
    def spec(self) -> RunSpec:
        """The settings of the run."""
        return self.run.spec

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
        """Folder of the base model: an ordinary Hugging Face model folder."""
        if self.base.folder is None:
            raise StudioError(f"The base model {self.base.name} has no files yet.")
        return Path(self.base.folder)

    @property
    def base_name(self) -> str:
        """What the base model is called outside: its hub name, else its own; never a path."""
        is_hub = self.base.source is base_models.Source.HUB
        return self.base.reference if is_hub else self.base.name

    @property
    def identity(self) -> dict[str, str | None]:
        """What must be the same for a checkpoint to be gone on from."""
        text = json.dumps(self.spec.model_dump(mode="json"), sort_keys=True)
        return {
            "spec": hashlib.sha256(text.encode()).hexdigest(),
            "dataset": self.dataset.fingerprint,
            "base": self.base.fingerprint,
        }


def opened(settings: Settings, run_id: str, attempt: int) -> Job:
    """Return the job of an attempt, with a database of this process's own.

    Raises:
        NotFound: the run, its data or its base model is not there.
        Superseded: a newer attempt has taken over.
    """
    database = Database(settings.database)
    with database.read() as session:
        run = Run.model_validate(leases.guard(session, RunRow, run_id, attempt))
    dataset = datasets.get(database, run.owner, run.dataset_id)
    base = base_models.get(database, run.owner, run.base_model_id)
    return Job(settings, database, run, attempt, dataset, base)
