"""The catalogue over the real database: what is ready, whose it is, and where its files lie."""

from pathlib import Path

import pytest

from storage import adapters, base_models, database
from storage.artifacts import Artifacts
from storage.base_models import Source
from storage.database import Database
from storage.errors import NotFound
from storage.ids import LOCAL_PERSON, new
from storage.settings import Settings
from storage.status import WorkStatus
from storage.tables import AdapterRow, BaseModelRow, DatasetRow, RunRow
from tests.fakes import quick_home
from worker.chat.stored import StoredCatalogue


@pytest.fixture
def opened(tmp_path: Path) -> Database:
    quick_home.with_schema(tmp_path)
    return database.opened(Settings(home=tmp_path))


@pytest.fixture
def catalogue(opened: Database, tmp_path: Path) -> StoredCatalogue:
    return StoredCatalogue(opened, Artifacts(tmp_path), LOCAL_PERSON)


def add_base(opened: Database, folder: Path, owner: str = LOCAL_PERSON, ready: bool = True) -> str:
    """A base model's row, as the worker leaves it; returns its id."""
    base = base_models.add(opened, owner, "Starter", Source.FOLDER, str(folder))
    if ready:
        with opened.write() as session:
            row = session.get_one(BaseModelRow, base.id)
            row.status, row.folder = WorkStatus.READY, str(folder)
    return base.id


def add_adapter(
    opened: Database, base_id: str, owner: str = LOCAL_PERSON, method: str = "sft"
) -> str:
    """The row of a finished adapter with the run and the data behind it; returns its id."""
    about = {"owner": owner, "name": "Kind nurse"}
    dataset, run, adapter = new("dataset"), new("run"), new("adapter")
    made_of = {"dataset_id": dataset, "base_model_id": base_id}
    with opened.write() as session:
        session.add(DatasetRow(id=dataset, **about, status="ready", sha256="0" * 64, bytes=1))
        session.flush()
        spec = {**made_of, "method": method}
        session.add(RunRow(id=run, **about, status="finished", spec=spec, **made_of))
        session.flush()
        session.add(
            AdapterRow(id=adapter, **about, run_id=run, step=1, bytes=1, sha256="0" * 64, **made_of)
        )
    return adapter


def test_a_base_model_and_its_adapter_can_be_talked_to(
    opened: Database, catalogue: StoredCatalogue, tmp_path: Path
) -> None:
    base = add_base(opened, tmp_path / "model")
    adapter = add_adapter(opened, base)
    listed = catalogue.contestants()
    assert [one.name for one in listed] == [f"base:{base}", f"adapter:{adapter}"]
    assert [catalogue.find(one.name) for one in listed] == listed
    assert listed[0].base_folder == listed[1].base_folder == tmp_path / "model"
    assert listed[0].adapter_folder is None
    assert listed[1].adapter_folder == tmp_path / "adapters" / adapter
    assert [one.title for one in listed] == ["Starter", "Kind nurse"]


def test_a_model_that_gives_scores_does_not_talk(
    opened: Database, catalogue: StoredCatalogue, tmp_path: Path
) -> None:
    base = add_base(opened, tmp_path / "model")
    talks = add_adapter(opened, base)
    add_adapter(opened, base, method="reward")
    names = [one.name for one in catalogue.contestants()]
    assert names == [f"base:{base}", f"adapter:{talks}"]


def test_what_is_not_ready_is_not_listed_and_not_found(
    opened: Database, catalogue: StoredCatalogue, tmp_path: Path
) -> None:
    base = add_base(opened, tmp_path / "model", ready=False)
    adapter = add_adapter(opened, base)
    assert catalogue.contestants() == []
    for name in (f"base:{base}", f"adapter:{adapter}"):
        with pytest.raises(NotFound, match="not ready"):
            catalogue.find(name)


def test_what_is_deleted_or_somebody_elses_does_not_exist(
    opened: Database, catalogue: StoredCatalogue, tmp_path: Path
) -> None:
    theirs = add_base(opened, tmp_path / "model", owner="somebody")
    mine = add_base(opened, tmp_path / "model")
    gone = add_adapter(opened, mine)
    with opened.write() as session:
        row = session.get_one(AdapterRow, gone)
        row.deleted_at = row.created_at
    assert adapters.all_of(opened, LOCAL_PERSON) == []
    assert [one.name for one in catalogue.contestants()] == [f"base:{mine}"]
    for name in (f"base:{theirs}", f"adapter:{gone}"):
        with pytest.raises(NotFound):
            catalogue.find(name)


@pytest.mark.parametrize(
    "name", ["", "base", "base:", "adapter:../../etc", "checkpoint:x", "gpt-4"]
)
def test_names_that_mean_nothing_are_not_found(catalogue: StoredCatalogue, name: str) -> None:
    with pytest.raises(NotFound):
        catalogue.find(name)
