"""Real children of a real worker's parts, without the training libraries."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import base_models, database, datasets, runs, work
from storage.database import Database
from storage.ids import LOCAL_PERSON
from storage.settings import Settings
from storage.specs import RunSpec
from storage.tables import BaseModelRow, DatasetRow
from tests.fakes import quick_home
from worker.children import Child, Nursery
from worker.endings import Ending
from worker.entries import Entry, Task


@pytest.fixture(scope="module", autouse=True)
def _disk() -> Iterator[None]:
    """Nothing here pulls the plug."""
    with quick_home.without_waiting_for_the_disk():
        yield


class Parents:
    """Starts children that do what a test wants, and ends those that are left."""

    def __init__(self, home: Path) -> None:
        self.nursery = Nursery()
        self.settings = Settings(home=home, heartbeat_seconds=0.1, HF_TOKEN="hf_x")
        self.children: list[Child] = []

    def task(self, do: Callable[[Task], Ending], **entry: bool) -> Task:
        """Return a task of attempt 1."""
        return Task(Entry(do, **entry), self.settings, "run_1", 1, self.settings.home / "run_1")

    def start(self, task: Task) -> Child:
        """Start a child."""
        self.children.append(self.nursery.start(task))
        return self.children[-1]


@pytest.fixture
def parents(tmp_path: Path) -> Iterator[Parents]:
    """Return where children of this test come from."""
    made = Parents(tmp_path)
    yield made
    for child in made.children:
        child.kill()
        child.wait(10)


class Home:
    """A database with what a worker finds in it."""

    def __init__(self, settings: Settings, opened: Database) -> None:
        self.settings = settings
        self.database = opened

    def dataset(self, sha256: str = "a" * 64) -> str:
        """Return the id of a dataset that waits."""
        return datasets.add(self.database, LOCAL_PERSON, "Answers", sha256, 10).id

    def base_model(self) -> str:
        """Return the id of a base model that waits."""
        place = (base_models.Source.FOLDER, "/nowhere")
        return base_models.add(self.database, LOCAL_PERSON, "Mine", *place).id

    def queued(self) -> runs.Run:
        """Return a run that is ready to start."""
        ids = {"dataset_id": self.dataset(), "base_model_id": self.base_model()}
        while row := work.claim(self.database, DatasetRow, "test", 30):
            work.finish(self.database, DatasetRow, (row.id, row.attempt))
        while model := work.claim(self.database, BaseModelRow, "test", 30):
            work.finish(self.database, BaseModelRow, (model.id, model.attempt))
        return runs.add(self.database, LOCAL_PERSON, RunSpec(**ids))

    def run(self, run_id: str) -> runs.Run:
        """Return a run as it is now."""
        return runs.get(self.database, LOCAL_PERSON, run_id)

    def found(self, dataset_id: str) -> datasets.Dataset:
        """Return a dataset as it is now."""
        return datasets.get(self.database, LOCAL_PERSON, dataset_id)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return a fresh home."""
    times = {"lease_seconds": 30.0, "heartbeat_seconds": 0.1, "reconcile_seconds": 0.1}
    settings = Settings(home=tmp_path, **times)
    quick_home.with_schema(tmp_path)
    opened = database.opened(settings)
    yield Home(settings, opened)
    opened.close()


def read(text: str) -> dict[str, object]:
    """Return the object in a JSON text."""
    value: dict[str, object] = json.loads(text)
    return value
