"""Adapters: downloaded as a zip under a safe name, deleted and brought back; and who can talk."""

import zipfile
from pathlib import Path

import pytest

from storage import adapters as stored
from storage import artifacts, attempts, ids
from storage.errors import NotFound, StudioError
from storage.ids import LOCAL_PERSON as ME
from studio.services import adapters, base_models, chat, runs
from tests.fakes.workplace import Workplace

CONFIG = '{"peft_type": "LORA"}'


def trained(workplace: Workplace, name: str = "Try") -> stored.Adapter:
    """Return the adapter that a run has left behind."""
    data, model = workplace.data(), workplace.model()
    places = {"dataset_id": data.id, "base_model_id": model.id}
    runs.start(workplace.studio, ME, {**places, "name": name, "rank": 4, "max_length": 64})
    run = attempts.claim(workplace.studio.database, "test", 60)
    assert run is not None
    identifier = ids.new("adapter")
    with artifacts.staged(workplace.studio.artifacts.adapter(identifier)) as staging:
        (staging / "adapter_config.json").write_text(CONFIG)
    found = {"step": 3, "eval_loss": None, "bytes": len(CONFIG), "sha256": "c" * 64}
    return stored.publish(workplace.studio.database, run.id, run.attempt, identifier, found)


def test_a_download_holds_the_files_and_is_gone_afterwards(workplace: Workplace) -> None:
    adapter = trained(workplace, name="Café <b>/../x</b>")
    with adapters.download(workplace.studio, ME, adapter.id) as (path, offered):
        assert zipfile.ZipFile(path).read("adapter_config.json").decode() == CONFIG
        assert offered == "Cafe-b-..-x-b.zip"
    assert not path.exists()


def test_an_adapter_whose_files_are_gone_says_so(workplace: Workplace) -> None:
    adapter = trained(workplace)
    artifacts.remove(workplace.studio.artifacts.adapter(adapter.id))
    with (
        pytest.raises(StudioError, match=r"The files of Try are gone\. Train"),
        adapters.download(workplace.studio, ME, adapter.id),
    ):
        pass


def test_what_is_deleted_is_not_downloaded_and_comes_back_as_it_was(workplace: Workplace) -> None:
    adapter = trained(workplace)
    adapters.delete(workplace.studio, ME, adapter.id)
    assert adapters.listing(workplace.studio, ME) == []
    assert [one.id for one in adapters.listing(workplace.studio, ME, deleted=True)] == [adapter.id]
    with (
        pytest.raises(NotFound),
        adapters.download(workplace.studio, ME, adapter.id),
    ):
        pass
    adapters.restore(workplace.studio, ME, adapter.id)
    assert adapters.get(workplace.studio, ME, adapter.id) == adapter


def test_a_base_model_can_be_talked_to_alone_and_with_what_it_learned(
    workplace: Workplace,
) -> None:
    adapter = trained(workplace)
    waiting = base_models.add_starter(workplace.studio, ME)
    found = chat.listing(workplace.studio, ME)
    model = base_models.get(workplace.studio, ME, adapter.base_model_id)
    assert [(one.name, one.kind) for one in found] == [
        (f"base:{model.id}", "base"),
        (f"adapter:{adapter.id}", "adapter"),
    ]
    assert {one.base_title for one in found} == {model.name}
    assert waiting.id not in {one.base_id for one in found}


def test_an_adapter_of_a_deleted_base_model_has_nobody_to_speak_through(
    workplace: Workplace,
) -> None:
    adapter = trained(workplace)
    base_models.delete(workplace.studio, ME, adapter.base_model_id)
    assert chat.listing(workplace.studio, ME) == []
    assert Path(workplace.studio.artifacts.adapter(adapter.id)).is_dir()
