"""The states of a run and the only moves between them, in the table and in the database."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import attempts, runs
from storage.errors import StudioError, Superseded
from storage.leases import Heard
from storage.status import ACTIVE, FINAL, RESUMABLE, RUN_MOVES, WORK_MOVES, RunStatus, StopRequest

ANNA = "anna"


def reachable(moves: dict[Any, frozenset[Any]], start: str) -> set[Any]:
    """Return every state that some way of moves leads to."""
    found, ahead = {start}, [start]
    while ahead:
        new = moves[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def test_every_state_of_a_run_is_reached_from_the_queue() -> None:
    assert reachable(RUN_MOVES, RunStatus.QUEUED) == set(RunStatus)


def test_every_state_of_background_work_is_reached_from_waiting() -> None:
    assert reachable(WORK_MOVES, next(iter(WORK_MOVES))) == set(WORK_MOVES)


def test_only_a_finished_and_a_discarded_run_stay_what_they_are_for_good() -> None:
    assert {RunStatus.DISCARDED} == FINAL
    assert all(not RUN_MOVES[status] for status in FINAL)


def test_a_run_ends_from_wherever_it_is() -> None:
    assert all(reachable(RUN_MOVES, status) & FINAL for status in RunStatus)


def test_no_run_is_under_way_and_at_rest_at_once() -> None:
    assert not ACTIVE & (RESUMABLE | FINAL)
    assert all(RunStatus.QUEUED in RUN_MOVES[status] for status in RESUMABLE)


ENDS = ("finished", "stopped", "failed", "discarded")
PUSHES: dict[str, Callable[[Any, str, int], object]] = {
    "claim": lambda story, run, attempt: attempts.claim(story.database, story.worker, 30),
    "begin": lambda story, run, attempt: attempts.begin(story.database, run, attempt),
    "keep": lambda story, run, attempt: runs.request_stop(
        story.database, ANNA, run, StopRequest.KEEP
    ),
    "discard": lambda story, run, attempt: runs.request_stop(
        story.database, ANNA, run, StopRequest.DISCARD
    ),
    "resume": lambda story, run, attempt: runs.resume(story.database, ANNA, run),
    "put back": lambda story, run, attempt: attempts.put_back(
        story.database, run, attempt, "it died"
    ),
    "release": lambda story, run, attempt: attempts.release(story.database, run, attempt),
    "recover": lambda story, run, attempt: attempts.recover(story.database, Heard(0)),
    **{
        status: lambda story, run, attempt, status=status: attempts.end(
            story.database, run, attempt, RunStatus(status), "so it went"
        )
        for status in ENDS
    },
}
"""What people and workers do to a run, legal or not."""


@given(st.lists(st.sampled_from(sorted(PUSHES)), max_size=25))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_however_people_and_workers_push_a_run_only_legal_moves_happen(
    new_story: Callable[[], Any], actions: list[str]
) -> None:
    story = new_story()
    run = story.queued()
    for action in actions:
        before = runs.get(story.database, ANNA, run.id)
        try:
            PUSHES[action](story, run.id, before.attempt)
        except (StudioError, Superseded):
            assert runs.get(story.database, ANNA, run.id) == before
            continue
        after = runs.get(story.database, ANNA, run.id)
        assert after.status == before.status or after.status in RUN_MOVES[before.status]
        assert (after.worker is not None) == (after.status in ACTIVE)
        assert after.attempt == before.attempt + (action == "claim" and after != before)
        assert (after.ended_at is None) == (after.status in ACTIVE | {RunStatus.QUEUED})


@pytest.mark.parametrize("status", sorted(FINAL))
def test_nothing_brings_an_ended_run_back(story: Any, status: RunStatus) -> None:
    run = story.running()
    attempts.end(story.database, run.id, run.attempt, status, "over")
    with pytest.raises(StudioError, match=f"This run is {status}"):
        runs.resume(story.database, ANNA, run.id)
    assert attempts.claim(story.database, story.worker, 30) is None
