"""Versions know their parents, questions are answered once and remembered for files like it."""

import pytest

from storage import datasets, work
from storage.datasets import ORIGINAL, original
from storage.errors import NotFound, StudioError
from storage.mappings import Mapping, signature
from storage.operations import Mix, Reread, Sample, Weighted
from storage.status import WorkStatus
from storage.tables import DatasetRow
from tests.storage.conftest import ANNA, Story

COLUMNS = Mapping(question=("Frage",), answer="Antwort")


def unsure(story: Story, sha256: str = "a" * 64) -> str:
    """Return the id of a dataset about which the worker has asked."""
    identifier = story.dataset(sha256=sha256)
    row = work.claim(story.database, DatasetRow, story.worker, 30, DatasetRow.id == identifier)
    assert row is not None
    work.ask(story.database, DatasetRow, (row.id, row.attempt), question={"columns": []})
    return identifier


def test_a_version_names_its_parents_and_waits_to_be_made(story: Story) -> None:
    parents = [story.dataset(), story.dataset(sha256="b" * 64)]
    story.prepare()
    mix = Mix(parts=tuple(Weighted(dataset_id=each) for each in parents))
    made = datasets.derive(story.database, ANNA, "Both", mix)
    assert made.parents == parents
    assert (made.status, made.sha256) == (WorkStatus.WAITING, datasets.NOT_MADE)
    assert made.operation is not None
    assert made.operation["kind"] == "mix"


def test_a_version_needs_parents_that_are_the_persons_own_and_ready(story: Story) -> None:
    waiting = story.dataset()
    with pytest.raises(StudioError, match="not ready"):
        datasets.derive(story.database, ANNA, "Part", Sample(dataset_id=waiting, rows=3))
    story.prepare()
    with pytest.raises(NotFound):
        datasets.derive(story.database, "berta", "Part", Sample(dataset_id=waiting, rows=3))


def test_reading_a_file_otherwise_needs_no_new_file(story: Story) -> None:
    parent = story.dataset()
    story.prepare()
    reread = Reread(dataset_id=parent, mapping=COLUMNS)
    made = datasets.derive(story.database, ANNA, "Other columns", reread)
    assert made.sha256 == "a" * 64
    assert made.prepared == datasets.prepared_name(COLUMNS) != "rows"


def test_a_version_is_not_taken_for_the_uploaded_file(story: Story) -> None:
    parent = story.dataset()
    story.prepare()
    datasets.derive(story.database, ANNA, "X", Reread(dataset_id=parent, mapping=COLUMNS))
    found = datasets.find_content(story.database, ANNA, "a" * 64)
    assert found is not None
    assert found.id == parent


def test_an_answer_lets_the_worker_go_on_and_is_remembered(story: Story) -> None:
    identifier = unsure(story)
    shape = signature(["Frage", "Antwort"])
    found = datasets.answer(story.database, ANNA, identifier, COLUMNS, shape)
    assert (found.status, found.question) == (WorkStatus.WAITING, None)
    assert Mapping(**(found.mapping or {})) == COLUMNS
    assert datasets.remembered(story.database, ANNA, shape) == COLUMNS
    assert datasets.remembered(story.database, "berta", shape) is None
    other = COLUMNS.model_copy(update={"system": "Rolle"})
    second = unsure(story, "b" * 64)
    datasets.answer(story.database, ANNA, second, other, shape)
    assert datasets.remembered(story.database, ANNA, shape) == other


def test_an_answer_may_hold_for_this_file_alone(story: Story) -> None:
    datasets.answer(story.database, ANNA, unsure(story), COLUMNS, None)
    assert datasets.remembered(story.database, ANNA, signature(["Frage"])) is None


def test_a_file_that_is_read_asks_nothing(story: Story) -> None:
    identifier = story.dataset()
    story.prepare()
    with pytest.raises(StudioError, match="read already"):
        datasets.answer(story.database, ANNA, identifier, COLUMNS, None)


def test_the_family_has_the_deleted_too(story: Story) -> None:
    first = story.dataset()
    story.prepare()
    made = datasets.derive(story.database, ANNA, "Part", Sample(dataset_id=first, rows=3))
    datasets.owned.mark_deleted(story.database, DatasetRow, ANNA, first, deleted=True)
    family = datasets.family(story.database, ANNA)
    assert [each.id for each in family] == [first, made.id]


def test_a_home_of_the_first_release_keeps_its_files(story: Story) -> None:
    folder = story.home / "datasets" / ("a" * 64)
    folder.mkdir(parents=True)
    assert original(folder) == folder / ORIGINAL
    (folder / "original.jsonl").write_text("{}")
    assert original(folder).read_text() == "{}"
