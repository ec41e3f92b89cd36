"""Moves in the line: beside others, to its ends, by priority, and against a plain list."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storage import attempts, queue, queue_moves, runs
from storage.errors import NotFound, StudioError
from storage.queue_moves import Side
from storage.tables import RunRow
from tests.storage.conftest import ANNA


def line(story: Any) -> list[str]:
    """Return the names of the waiting runs in order."""
    with story.database.read() as session:
        return list(session.scalars(select(RunRow.name).order_by(*queue.in_line())))


def filled(story: Any, names: str) -> dict[str, str]:
    """Put runs with names of one letter into the queue; returns their ids."""
    first = story.queued(name=names[0])
    ids = {names[0]: first.id}
    for name in names[1:]:
        ids[name] = story.again(first.dataset_id, first.base_model_id, name=name).id
    return ids


def move(story: Any, ids: dict[str, str], name: str, side: Side, other: str = "") -> None:
    """Move the run of that name."""
    if other:
        queue_moves.beside(story.database, ANNA, ids[name], side, ids[other])
    else:
        queue_moves.to_end(story.database, ANNA, ids[name], side)


def test_a_run_is_moved_before_behind_to_the_front_and_to_the_back(story: Any) -> None:
    ids = filled(story, "ABCD")
    move(story, ids, "D", Side.BEFORE, "B")
    assert line(story) == list("ADBC")
    move(story, ids, "A", Side.BEHIND, "B")
    assert line(story) == list("DBAC")
    move(story, ids, "C", Side.FRONT)
    assert line(story) == list("CDBA")
    move(story, ids, "D", Side.BACK)
    assert line(story) == list("CBAD")


def test_a_run_queued_later_comes_behind_all_that_were_moved(story: Any) -> None:
    ids = filled(story, "ABC")
    for _ in range(40):
        move(story, ids, "A", Side.BACK)
        move(story, ids, "B", Side.BEHIND, "A")
    run = runs.get(story.database, ANNA, ids["A"])
    story.again(run.dataset_id, run.base_model_id, name="Z")
    assert line(story)[-1] == "Z"


def test_a_priority_comes_before_the_place_and_is_taken_on_beside_others(story: Any) -> None:
    ids = filled(story, "ABC")
    queue_moves.set_priority(story.database, ANNA, ids["C"], queue_moves.PRIORITIES["high"])
    queue_moves.set_priority(story.database, ANNA, ids["A"], queue_moves.PRIORITIES["low"])
    assert line(story) == list("CBA")
    move(story, ids, "A", Side.BEFORE, "C")
    assert line(story) == list("ACB")
    moved = runs.get(story.database, ANNA, ids["A"])
    assert queue_moves.priority_name(moved.priority) == "high"


def test_room_between_two_neighbours_never_runs_out(story: Any) -> None:
    ids = filled(story, "ABC")
    for _ in range(80):  # halving a gap of a moment ends after about twenty
        move(story, ids, "C", Side.BEHIND, "A")
        move(story, ids, "B", Side.BEHIND, "A")
    assert line(story) == list("ABC")


def test_only_what_waits_can_be_moved_and_only_ones_own(story: Any) -> None:
    ids = filled(story, "AB")
    story.claimed()
    for change in (
        lambda: move(story, ids, "A", Side.BACK),
        lambda: move(story, ids, "B", Side.BEFORE, "A"),
        lambda: queue_moves.set_priority(story.database, ANNA, ids["A"], 1),
    ):
        with pytest.raises(StudioError, match="waits no more"):
            change()
    with pytest.raises(NotFound):
        queue_moves.to_end(story.database, "ben", ids["B"], Side.FRONT)


def test_moves_of_many_at_once_lose_no_run_and_give_no_place_twice(story: Any) -> None:
    names = "ABCDEF"
    ids = filled(story, names)
    refused: list[BaseException] = []

    def shuffle(name: str) -> None:
        try:
            for other in names.replace(name, ""):
                move(story, ids, name, Side.BEHIND, other)
        except StudioError as error:
            refused.append(error)

    threads = [threading.Thread(target=shuffle, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused
    with story.database.read() as session:
        places = list(session.scalars(select(RunRow.place)))
    assert sorted(line(story)) == list(names)
    assert len(set(places)) == len(names)


MOVES = st.lists(
    st.tuples(st.sampled_from(list(Side)), st.integers(0, 4), st.integers(0, 4)), max_size=30
)


# `new_story` makes a fresh home at every call.
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_any_moves_leave_the_order_of_a_plain_list(
    new_story: Callable[[], Any], moves: list[tuple[Side, int, int]]
) -> None:
    story, expected = new_story(), list("ABCDE")
    ids = filled(story, "ABCDE")
    for side, one, two in moves:
        name, other = "ABCDE"[one], "ABCDE"[two]
        beside = other if side in (Side.BEFORE, Side.BEHIND) else ""
        move(story, ids, name, side, beside)
        if name == beside:
            continue
        expected.remove(name)
        at = {Side.FRONT: 0, Side.BACK: len(expected)}
        where = at[side] if not beside else expected.index(other) + (side is Side.BEHIND)
        expected.insert(where, name)
        assert line(story) == expected
    assert [attempts.claim(story.database, "w", 30).name for _ in "ABCDE"] == expected
