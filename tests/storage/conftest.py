"""A home with a migrated database, and the short ways to the rows that the stories begin with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import event

from storage import attempts, base_models, datasets, leases, runs, work
from storage.artifacts import Artifacts
from storage.database import Database
from storage.settings import Settings
from storage.specs import RunSpec
from storage.tables import BaseModelRow, DatasetRow
from tests.fakes import quick_home

ANNA = "anna"

# A busy machine is slow at times; that is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def _without_waiting_for_the_disk(connection: Any, _record: object) -> None:
    """Let commits be quick: no story here pulls the plug."""
    connection.execute("PRAGMA synchronous=OFF").close()


class Story:
    """One home folder, its database, and what happens in it by itself before a story begins."""

    def __init__(self, home: Path, opened: Database) -> None:
        self.home = home
        self.database = opened
        self.artifacts = Artifacts(home)
        self.worker = leases.worker_name()

    def dataset(self, owner: str = ANNA, name: str = "Answers", sha256: str = "a" * 64) -> str:
        """Return the id of a dataset that waits to be read."""
        return datasets.add(self.database, owner, name, sha256, 10).id

    def base_model(self, owner: str = ANNA) -> str:
        """Return the id of a base model that waits to be built."""
        starter = base_models.Source.STARTER
        return base_models.add(self.database, owner, "Starter", starter, "starter").id

    def prepare(self) -> None:
        """Let a worker prepare every dataset and base model that waits."""
        for table in (DatasetRow, BaseModelRow):
            while row := work.claim(self.database, table, self.worker, 30):
                work.finish(self.database, table, (row.id, row.attempt))

    def queued(self, owner: str = ANNA, name: str = "New run") -> runs.Run:
        """Return a queued run whose data and base model are ready."""
        data, model = self.dataset(owner), self.base_model(owner)
        self.prepare()
        return self.again(data, model, owner, name)

    def again(self, data: str, model: str, owner: str = ANNA, name: str = "New run") -> runs.Run:
        """Return a queued run on data and a base model that are there already."""
        spec = RunSpec(name=name, dataset_id=data, base_model_id=model)
        return runs.add(self.database, owner, spec)

    def claimed(self, seconds: float = 30) -> runs.Run:
        """Return the next run, claimed by this very process."""
        run = attempts.claim(self.database, self.worker, seconds)
        assert run is not None
        return run

    def running(self, owner: str = ANNA) -> runs.Run:
        """Return a run whose child is training."""
        self.queued(owner)
        run = self.claimed()
        attempts.begin(self.database, run.id, run.attempt)
        return runs.get(self.database, owner, run.id)


@pytest.fixture
def new_story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Story]]:
    """Return a maker of stories, for tests that need many; all are closed in the end."""
    stories: list[Story] = []

    def make() -> Story:
        home = tmp_path_factory.mktemp("home")
        quick_home.with_schema(home)
        opened = Database(Settings(home=home).database)
        event.listen(opened.engine, "connect", _without_waiting_for_the_disk)
        stories.append(Story(home, opened))
        return stories[-1]

    yield make
    for story in stories:
        story.database.close()


@pytest.fixture
def story(new_story: Callable[[], Story]) -> Story:
    """Return a fresh home with a migrated database."""
    return new_story()
