"""Adapters over HTTP."""

import io
import zipfile

import httpx
import pytest
from sqlalchemy import update

from storage import adapters, attempts, base_models, datasets, profile_uses, runs, specs
from storage.adapters import Adapter
from storage.base_models import Source
from storage.ids import LOCAL_PERSON
from storage.safety import profiles
from storage.tables import BaseModelRow, DatasetRow
from studio.services import runs as studio_runs
from studio.services.studio import Studio


@pytest.fixture
def adapter(studio: Studio) -> Adapter:
    """A finished adapter with a name that no file system likes."""
    data = datasets.add(studio.database, LOCAL_PERSON, "mine.jsonl", "a" * 64, 10)
    model = base_models.add(studio.database, LOCAL_PERSON, "Starter", Source.STARTER, "starter")
    with studio.database.write() as session:
        session.execute(update(DatasetRow).values(status="ready"))
        session.execute(update(BaseModelRow).values(status="ready"))
    spec = specs.parse({"name": 'Fièvre "1"/2', "dataset_id": data.id, "base_model_id": model.id})
    runs.add(studio.database, LOCAL_PERSON, spec)
    run = attempts.claim(studio.database, "here:1:1.00", 30)
    assert run is not None
    identifier = "adapter_0123456789ab"
    folder = studio.artifacts.adapter(identifier)
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes(bytes(3_000_000))
    found = {"step": 5, "eval_loss": 1.5, "bytes": 3_000_002, "sha256": "c" * 64}
    return adapters.publish(studio.database, run.id, run.attempt, identifier, found)


def test_a_download_is_a_zip_that_leaves_nothing_behind(
    client: httpx.Client, studio: Studio, adapter: Adapter
) -> None:
    answer = client.get(f"/api/v1/adapters/{adapter.id}/download")

    assert answer.status_code == 200
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert {name.rsplit("/")[-1] for name in names} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert list((studio.settings.home / "scratch").iterdir()) == []


def test_the_name_of_a_download_is_safe_and_keeps_its_letters(
    client: httpx.Client, adapter: Adapter
) -> None:
    offered = client.get(f"/api/v1/adapters/{adapter.id}/download").headers["content-disposition"]
    assert offered == (
        "attachment; filename=\"Fievre-1-2.zip\"; filename*=UTF-8''Fi%C3%A8vre%20%221%22-2.zip"
    )


def test_an_adapter_is_shown_deleted_and_brought_back(
    client: httpx.Client, adapter: Adapter
) -> None:
    path = f"/api/v1/adapters/{adapter.id}"
    assert client.get(path).json()["eval_loss"] == 1.5
    assert [one["id"] for one in client.get("/api/v1/adapters").json()] == [adapter.id]

    assert client.delete(path).status_code == 204
    assert client.get(f"{path}/download").status_code == 404
    assert client.post(f"{path}/restore").json()["id"] == adapter.id


def test_a_download_whose_files_are_gone_is_said_in_words(
    client: httpx.Client, studio: Studio, adapter: Adapter
) -> None:
    for file in studio.artifacts.adapter(adapter.id).iterdir():
        file.unlink()
    studio.artifacts.adapter(adapter.id).rmdir()
    answer = client.get(f"/api/v1/adapters/{adapter.id}/download")
    assert answer.status_code == 409
    assert "gone" in answer.json()["error"]["message"]


def test_an_adapter_says_what_it_is_and_how_it_learned(
    client: httpx.Client, studio: Studio, adapter: Adapter
) -> None:
    found = client.get("/api/v1/adapters").json()[0]
    assert (found["adapter"], found["method"]) == ("lora", "sft")
    studio_runs.delete(studio, LOCAL_PERSON, adapter.run_id)
    assert client.get(f"/api/v1/adapters/{adapter.id}").json()["method"] == "sft"


def test_the_profile_in_force_travels_with_the_adapter(
    client: httpx.Client, studio: Studio, adapter: Adapter
) -> None:
    folder = studio.artifacts.adapter(adapter.id)
    (folder / "README.md").write_text("# Mine\n", encoding="utf-8")
    address = f"/api/v1/adapters/{adapter.id}/download"

    def files() -> dict[str, str]:
        archive = zipfile.ZipFile(io.BytesIO(client.get(address).content))
        names = [name for name in archive.namelist() if not name.endswith(".safetensors")]
        return {name: archive.read(name).decode() for name in names}

    without = files()
    assert "safety_profile.yaml" not in without
    assert "## Safety profile" not in without["README.md"]
    profile_uses.put(studio.database, LOCAL_PERSON, f"adapter:{adapter.id}", "health_information")
    carried = files()
    assert carried["safety_profile.yaml"] == profiles.text(
        studio.settings.home, "health_information"
    )
    assert "**Health information**" in carried["README.md"]
    assert (folder / "README.md").read_text(encoding="utf-8") == "# Mine\n"
