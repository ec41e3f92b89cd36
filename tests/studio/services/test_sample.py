"""The sample: one click sets everything up, in an order that works, and only once."""

from storage import attempts, work
from storage.base_models import Source
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.status import RunStatus, WorkStatus
from storage.tables import BaseModelRow
from studio.services import base_models, datasets, runs, sample
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace


def fail_the_model(studio: Studio) -> None:
    """Let the building of the starter model fail."""
    row = work.claim(studio.database, BaseModelRow, "test", 60)
    assert row is not None
    reason = StudioError("The disk is full.", "Make room.")
    work.fail(studio.database, BaseModelRow, (row.id, row.attempt), reason)


def test_the_sample_waits_for_its_model_and_data_and_no_setting_is_missing(studio: Studio) -> None:
    run = sample.start(studio, ME)
    model = base_models.get(studio, ME, run.base_model_id)
    data = datasets.get(studio, ME, run.dataset_id)
    assert run.status is RunStatus.QUEUED
    assert (model.source, model.status) == (Source.STARTER, WorkStatus.WAITING)
    assert (data.name, data.status) == ("Patient friendly", WorkStatus.WAITING)
    assert attempts.claim(studio.database, "test", 60) is None, "nothing is ready yet"
    assert (run.name, run.spec.preset) == ("Sample run", sample.SAMPLE_PRESET)


def test_everything_the_run_needs_is_asked_for_before_the_run(workplace: Workplace) -> None:
    run = sample.start(workplace.studio, ME)
    model = base_models.get(workplace.studio, ME, run.base_model_id)
    data = datasets.listing(workplace.studio, ME)
    assert len(data) == 2
    assert model.created_at <= min(one.created_at for one in data)
    assert max(one.created_at for one in data) <= run.created_at
    assert workplace.rings() == 4


def test_asked_twice_it_starts_once(workplace: Workplace) -> None:
    first = sample.start(workplace.studio, ME)
    assert sample.start(workplace.studio, ME) == first
    attempts.claim(workplace.studio.database, "test", 60)
    assert sample.start(workplace.studio, ME).id == first.id
    assert len(runs.listing(workplace.studio, ME)) == 1
    assert len(base_models.listing(workplace.studio, ME)) == 1
    assert len(datasets.listing(workplace.studio, ME)) == 2


def test_when_it_has_ended_it_can_be_tried_again(studio: Studio) -> None:
    first = sample.start(studio, ME)
    runs.stop(studio, ME, first.id)
    second = sample.start(studio, ME)
    assert second.id != first.id
    assert (second.dataset_id, second.base_model_id) == (first.dataset_id, first.base_model_id)


def test_a_person_who_has_the_sample_data_under_another_name_gets_the_sample(
    studio: Studio,
) -> None:
    own = datasets.receive_file(studio, ME, datasets.SAMPLES / "patient_friendly.jsonl")
    assert own.name == "patient_friendly.jsonl"
    assert sample.start(studio, ME).dataset_id == own.id


def test_a_starter_model_whose_building_failed_is_built_again(studio: Studio) -> None:
    first = sample.start(studio, ME)
    fail_the_model(studio)
    attempts.fail_hopeless(studio.database)
    second = sample.start(studio, ME)
    assert second.id != first.id
    assert second.base_model_id == first.base_model_id
    assert base_models.get(studio, ME, second.base_model_id).status is WorkStatus.WAITING


def test_deleted_parts_are_set_up_anew(studio: Studio) -> None:
    first = sample.start(studio, ME)
    runs.delete(studio, ME, first.id)
    datasets.delete(studio, ME, first.dataset_id)
    base_models.delete(studio, ME, first.base_model_id)
    second = sample.start(studio, ME)
    assert second.dataset_id != first.dataset_id
    assert second.base_model_id != first.base_model_id
