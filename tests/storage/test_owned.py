"""Datasets, base models and adapters: found, listed, prepared, deleted and brought back."""

from typing import Any

import pytest

from storage import adapters, base_models, datasets, ids, owned, runs, work
from storage.errors import NotFound, StudioError
from storage.leases import Heard
from storage.status import WorkStatus
from storage.tables import AdapterRow, BaseModelRow, DatasetRow

ANNA, BEN = "anna", "ben"
FOUND = {"step": 9, "eval_loss": 0.5, "bytes": 100, "sha256": "c" * 64}


def published(story: Any, run: Any, adapter_id: str) -> adapters.Adapter:
    """Return an adapter of the run's present attempt."""
    return adapters.publish(story.database, run.id, run.attempt, adapter_id, FOUND)


def test_lists_begin_with_the_newest(story: Any) -> None:
    added = [story.dataset(name=name) for name in ("first", "second", "third")]
    listed = datasets.all_of(story.database, ANNA)
    assert [one.id for one in listed] == added[::-1]


def test_the_same_content_is_found_again_for_the_same_person_only(story: Any) -> None:
    identifier = story.dataset(sha256="d" * 64)
    story.dataset(sha256="e" * 64)
    found = datasets.find_content(story.database, ANNA, "d" * 64)
    assert found is not None
    assert found.id == identifier
    assert datasets.find_content(story.database, BEN, "d" * 64) is None
    assert datasets.find_content(story.database, ANNA, "f" * 64) is None


def test_deleted_content_is_not_found_until_it_is_brought_back(story: Any) -> None:
    identifier = story.dataset(sha256="d" * 64)
    owned.mark_deleted(story.database, DatasetRow, ANNA, identifier, deleted=True)
    assert datasets.find_content(story.database, ANNA, "d" * 64) is None
    owned.mark_deleted(story.database, DatasetRow, ANNA, identifier, deleted=False)
    assert datasets.find_content(story.database, ANNA, "d" * 64) is not None


@pytest.mark.parametrize("kind", ["dataset", "base model", "adapter"])
def test_what_is_deleted_is_out_of_sight_and_comes_back_whole(story: Any, kind: str) -> None:
    run = story.running()
    adapter = published(story, run, "adapter_000000000001")
    module, table, identifier = {
        "dataset": (datasets, DatasetRow, run.dataset_id),
        "base model": (base_models, BaseModelRow, run.base_model_id),
        "adapter": (adapters, AdapterRow, adapter.id),
    }[kind]
    before = module.get(story.database, ANNA, identifier)
    owned.mark_deleted(story.database, table, ANNA, identifier, deleted=True)
    with pytest.raises(NotFound, match=f"There is no {kind} with the id {identifier}"):
        module.get(story.database, ANNA, identifier)
    assert module.all_of(story.database, ANNA) == []
    [hidden] = module.all_of(story.database, ANNA, deleted=True)
    assert hidden.deleted_at is not None
    owned.mark_deleted(story.database, table, ANNA, identifier, deleted=False)
    assert module.get(story.database, ANNA, identifier) == before


def test_an_adapter_knows_its_run_and_the_run_its_adapter(story: Any) -> None:
    run = story.running()
    adapter = published(story, run, "adapter_000000000001")
    assert (adapter.run_id, adapter.dataset_id) == (run.id, run.dataset_id)
    assert (adapter.step, adapter.eval_loss, adapter.bytes) == (9, 0.5, 100)
    assert runs.get(story.database, ANNA, run.id).adapter_id == adapter.id


def test_a_later_adapter_of_a_run_takes_the_place_of_the_earlier(story: Any) -> None:
    run = story.running()
    first = published(story, run, "adapter_000000000001")
    second = published(story, run, "adapter_000000000002")
    assert adapters.all_of(story.database, ANNA) == [second]
    assert [one.id for one in adapters.all_of(story.database, ANNA, deleted=True)] == [first.id]
    assert runs.get(story.database, ANNA, run.id).adapter_id == second.id


def test_preparing_goes_on_in_order_and_tells_how_far_it_is(story: Any) -> None:
    first, second = story.dataset(name="first"), story.dataset(name="second")
    row = work.claim(story.database, DatasetRow, story.worker, 30)
    assert row is not None
    assert row.id == first
    work.report(story.database, DatasetRow, (first, 1), 1.7, "reading")
    found = datasets.get(story.database, ANNA, first)
    assert (found.status, found.progress, found.stage) == (WorkStatus.WORKING, 1.0, "reading")
    work.finish(story.database, DatasetRow, (first, 1), rows_good=5, report={"lines": 6})
    found = datasets.get(story.database, ANNA, first)
    assert (found.status, found.rows_good, found.report) == (WorkStatus.READY, 5, {"lines": 6})
    assert work.anything_waiting(story.database, DatasetRow)
    row = work.claim(story.database, DatasetRow, story.worker, 30)
    assert row is not None
    assert row.id == second
    assert not work.anything_waiting(story.database, DatasetRow)


def test_what_was_deleted_while_it_waited_is_not_prepared(story: Any) -> None:
    identifier = story.dataset()
    owned.mark_deleted(story.database, DatasetRow, ANNA, identifier, deleted=True)
    assert not work.anything_waiting(story.database, DatasetRow)
    assert work.claim(story.database, DatasetRow, story.worker, 30) is None


def test_failed_work_says_why_and_may_be_tried_again(story: Any) -> None:
    identifier = story.dataset()
    with pytest.raises(StudioError, match="Answers has not failed"):
        work.retry(story.database, DatasetRow, identifier, ANNA)
    work.claim(story.database, DatasetRow, story.worker, 30)
    work.fail(story.database, DatasetRow, (identifier, 1), StudioError("Empty.", "Add lines."))
    found = datasets.get(story.database, ANNA, identifier)
    assert (found.status, found.error, found.hint) == (WorkStatus.FAILED, "Empty.", "Add lines.")
    work.retry(story.database, DatasetRow, identifier, ANNA)
    row = work.claim(story.database, DatasetRow, story.worker, 30)
    assert row is not None
    assert (row.attempt, row.error, row.hint) == (2, None, None)


def test_work_whose_process_dies_is_tried_three_times(story: Any) -> None:
    identifier = story.dataset()
    for attempt in (1, 2, 3):
        row = work.claim(story.database, DatasetRow, story.worker, 30)
        assert row is not None
        work.crashed(story.database, DatasetRow, (identifier, attempt), "Killed by signal 9.")
    found = datasets.get(story.database, ANNA, identifier)
    assert found.status == WorkStatus.FAILED
    assert found.error is not None
    assert "tried 3 times" in found.error
    assert "Killed by signal 9." in found.error
    assert work.claim(story.database, DatasetRow, story.worker, 30) is None


def test_work_of_a_silent_worker_is_taken_back(story: Any) -> None:
    identifier = story.dataset()
    work.claim(story.database, DatasetRow, story.worker, 30)
    assert work.recover(story.database, DatasetRow, Heard(0)) == [identifier]
    assert work.anything_waiting(story.database, DatasetRow)


def test_identifiers_differ_and_may_name_a_folder() -> None:
    made = {ids.new("run") for _ in range(1000)}
    assert len(made) == 1000
    assert all(ids.is_safe(identifier) for identifier in made)
