"""Base models: asked for by folder, hub name or as the starter; each once."""

from pathlib import Path

import pytest

from storage.base_models import Source
from storage.errors import Refused, StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.status import WorkStatus
from storage.support import Degree
from studio.services import base_models
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace, write_llama


def test_a_folder_is_checked_by_the_worker_and_used_where_it_lies(
    workplace: Workplace, tmp_path: Path
) -> None:
    folder = tmp_path / "My model"
    write_llama(folder, context=128)
    added = base_models.add_folder(workplace.studio, ME, f"  {folder}/ ")
    assert (added.name, added.status, workplace.rings()) == ("My model", WorkStatus.WAITING, 1)
    assert base_models.facts(added) is None
    workplace.work()
    ready = base_models.get(workplace.studio, ME, added.id)
    facts = base_models.facts(ready)
    assert facts is not None
    assert (facts.architecture, facts.context_length) == ("LlamaForCausalLM", 128)
    assert (ready.folder, ready.error) == (str(folder), None)


@pytest.mark.parametrize("typed", ["", "   ", "\t\n"])
def test_a_reference_is_needed(studio: Studio, typed: str) -> None:
    for add in (base_models.add_folder, base_models.add_hub):
        with pytest.raises(Refused) as refused:
            add(studio, ME, typed)
        assert [fault.field for fault in refused.value.faults] == ["reference"]
    assert base_models.listing(studio, ME) == []


def test_a_model_of_the_hub_is_named_as_there_and_its_revision_is_kept(studio: Studio) -> None:
    added = base_models.add_hub(studio, ME, " org/tiny ", "v2")
    assert (added.source, added.reference, added.name, added.revision) == (
        Source.HUB, "org/tiny", "org/tiny", "v2",
    )  # fmt: skip


def test_the_same_model_is_added_once_and_another_revision_is_another(
    workplace: Workplace,
) -> None:
    first = base_models.add_hub(workplace.studio, ME, "org/tiny", "v1")
    second = base_models.add_hub(workplace.studio, ME, "org/tiny", "v2")
    assert base_models.add_hub(workplace.studio, ME, "org/tiny", "v2").id == second.id
    assert base_models.add_hub(workplace.studio, ME, "org/tiny", "v1").id == first.id
    assert workplace.rings() == 2


def test_a_name_is_only_ever_shown(studio: Studio) -> None:
    added = base_models.add_hub(studio, ME, "org/tiny", name="<b>../\u202emine\x00" + "n" * 300)
    assert added.name.startswith("<b>../ mine n")
    assert len(added.name) == 120


def test_a_failed_model_is_tried_again_when_it_is_asked_for_again(workplace: Workplace) -> None:
    first = base_models.add_folder(workplace.studio, ME, "/nowhere/at/all")
    workplace.work()
    failed = base_models.get(workplace.studio, ME, first.id)
    assert failed.status is WorkStatus.FAILED
    assert failed.error
    rung = workplace.rings()
    again = base_models.add_folder(workplace.studio, ME, "/nowhere/at/all")
    assert (again.id, again.status) == (first.id, WorkStatus.WAITING)
    assert workplace.rings() == rung + 1


def test_only_what_has_failed_can_be_tried_again(workplace: Workplace) -> None:
    model = workplace.model()
    with pytest.raises(StudioError, match="has not failed"):
        base_models.retry(workplace.studio, ME, model.id)


def test_what_is_deleted_comes_back_as_it_was(workplace: Workplace) -> None:
    model = workplace.model()
    base_models.delete(workplace.studio, ME, model.id)
    assert base_models.listing(workplace.studio, ME) == []
    assert [one.id for one in base_models.listing(workplace.studio, ME, deleted=True)] == [model.id]
    base_models.restore(workplace.studio, ME, model.id)
    assert base_models.get(workplace.studio, ME, model.id) == model


def test_the_hub_token_lies_in_a_private_file_and_can_be_taken_back(studio: Studio) -> None:
    assert not base_models.has_hub_token(studio)
    base_models.save_hub_token(studio, "  hf_secret\n")
    assert base_models.has_hub_token(studio)
    assert studio.settings.hub_token() == "hf_secret"
    assert studio.settings.token_file.stat().st_mode & 0o777 == 0o600
    everywhere = [path.read_bytes() for path in studio.settings.home.glob("*") if path.is_file()]
    assert not any(b"hf_secret" in content for content in everywhere)
    base_models.save_hub_token(studio, "")
    assert not base_models.has_hub_token(studio)


def test_how_far_a_model_is_supported_is_known_when_it_is_ready(workplace: Workplace) -> None:
    found = base_models.support(workplace.model())
    assert found is not None
    assert found.degree is Degree.FULL
    assert found.reasons
    waiting = base_models.add_hub(workplace.studio, ME, "org/other")
    assert base_models.support(waiting) is None
