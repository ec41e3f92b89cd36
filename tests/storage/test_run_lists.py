"""Runs by the page: in order, each once, found by state and by name, and nobody else's."""

from typing import Any

import pytest
from sqlalchemy import update

from storage import owned, run_lists
from storage.run_lists import Wanted
from storage.status import RunStatus
from storage.tables import RunRow

ANNA, BEN = "anna", "ben"


@pytest.fixture
def ids(story: Any) -> list[str]:
    """Seven runs of Anna's, the newest first; some of the same moment. And one of Ben's."""
    first = story.queued(name="Run 0")
    place = (first.dataset_id, first.base_model_id)
    others = [story.again(*place, name=f"Run {n}") for n in range(1, 7)]
    story.queued(owner=BEN, name="Run of Ben")
    with story.database.write() as session:
        same = [others[2].id, others[3].id]
        moment = others[2].created_at
        session.execute(update(RunRow).where(RunRow.id.in_(same)).values(created_at=moment))
    page = run_lists.lines(story.database, ANNA, Wanted(), 100)
    return [run.id for run in page.runs]


def set_status(story: Any, run_id: str, status: RunStatus) -> None:
    with story.database.write() as session:
        session.execute(update(RunRow).where(RunRow.id == run_id).values(status=status))


@pytest.mark.parametrize("read", [run_lists.lines, run_lists.whole])
def test_page_by_page_each_run_comes_once_and_in_order(
    story: Any, ids: list[str], read: Any
) -> None:
    found, after = [], ""
    while True:
        page = read(story.database, ANNA, Wanted(), 2, after)
        found += [run.id for run in page.runs]
        assert page.total == 7
        if page.next is None:
            break
        after = page.next
    assert found == ids
    assert len(set(found)) == 7


def test_what_comes_new_does_not_push_a_run_onto_two_pages(story: Any, ids: list[str]) -> None:
    page = run_lists.lines(story.database, ANNA, Wanted(), 3)
    known = run_lists.whole(story.database, ANNA, Wanted(), 1).runs[0]
    story.again(known.dataset_id, known.base_model_id, name="Newest")
    behind = run_lists.lines(story.database, ANNA, Wanted(), 3, page.next or "")
    assert [run.id for run in behind.runs] == ids[3:6]


def test_runs_are_found_by_state_and_by_a_word_of_their_name(story: Any, ids: list[str]) -> None:
    set_status(story, ids[1], RunStatus.FINISHED)
    ended = Wanted((RunStatus.FINISHED, RunStatus.FAILED))
    assert [run.id for run in run_lists.lines(story.database, ANNA, ended, 9).runs] == [ids[1]]
    found = run_lists.lines(story.database, ANNA, Wanted(words="rUN 6"), 9)
    assert [(run.name, found.total) for run in found.runs] == [("Run 6", 1)]
    assert run_lists.lines(story.database, ANNA, Wanted(words="%"), 9).runs == []


def test_deleted_runs_are_a_list_of_their_own(story: Any, ids: list[str]) -> None:
    owned.mark_deleted(story.database, RunRow, ANNA, ids[0], deleted=True)
    page = run_lists.lines(story.database, ANNA, Wanted(deleted=True), 9)
    assert [run.id for run in page.runs] == ids[:1]
    assert run_lists.lines(story.database, ANNA, Wanted(), 9).total == 6


def test_how_runs_were_set_is_read_without_their_whole_settings(story: Any, ids: list[str]) -> None:
    names = ("method", "adapter")
    found = run_lists.settings(story.database, ANNA, names, ids[:2])
    assert found == {run_id: {"method": "sft", "adapter": "lora"} for run_id in ids[:2]}
    assert run_lists.settings(story.database, BEN, names, ids) == {}
    assert run_lists.judges(story.database, ANNA) == set()


def test_a_run_of_an_earlier_release_has_the_defaults(story: Any, ids: list[str]) -> None:
    with story.database.write() as session:
        session.execute(update(RunRow).where(RunRow.id == ids[0]).values(spec={"rank": 4}))
    found = run_lists.settings(story.database, ANNA, ("method",), ids[:1])
    assert found == {ids[0]: {"method": "sft"}}
    assert run_lists.lines(story.database, ANNA, Wanted(), 1).runs[0].method == "sft"


def test_runs_with_a_saved_state_are_known(story: Any, ids: list[str]) -> None:
    with story.database.write() as session:
        session.execute(update(RunRow).where(RunRow.id.in_(ids[:2])).values(checkpoint_step=5))
    set_status(story, ids[0], RunStatus.DISCARDED)
    assert [run.id for run in run_lists.saved(story.database, ANNA)] == [ids[1]]
    assert [run.id for run in run_lists.saved(story.database, ANNA, ids[1])] == [ids[1]]
    assert run_lists.saved(story.database, ANNA, ids[2]) == []
