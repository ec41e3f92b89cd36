"""The queue: what starts next, on which devices, after which other run, and not in a pause."""

from typing import Any

import pytest

from storage import attempts, events, owned, queue, queue_moves, runs
from storage.errors import StudioError
from storage.status import RunStatus, StopRequest
from storage.tables import RunRow
from tests.storage.conftest import ANNA

HERE, BESIDE, ELSEWHERE = "here:1:1.00", "here:2:1.00", "there:1:1.00"


@pytest.fixture
def first(story: Any) -> runs.Run:
    """Return a run that waits, on data and a model for others too."""
    run: runs.Run = story.queued(name="First")
    return run


def another(story: Any, first: runs.Run, name: str = "Other", **changes: Any) -> runs.Run:
    """Return one more run that waits."""
    spec = first.spec.model_copy(update={"name": name, **changes})
    return runs.add(story.database, ANNA, spec)


def claimed(story: Any, *devices: str, worker: str = HERE) -> runs.Run | None:
    """Return what a worker claims now."""
    return attempts.claim(story.database, worker, 30, devices)


class TestPause:
    """A person pauses the queue."""

    def test_nothing_starts_until_it_goes_on(self, story: Any, first: runs.Run) -> None:
        queue.pause(story.database, ANNA)
        assert claimed(story) is None
        assert not attempts.anything_ready(story.database)
        queue.proceed(story.database)
        assert claimed(story).id == first.id

    def test_what_is_under_way_goes_on(self, story: Any, first: runs.Run) -> None:
        run = claimed(story)
        queue.pause(story.database, ANNA)
        attempts.begin(story.database, run.id, run.attempt)
        ended = attempts.end(story.database, run.id, run.attempt, RunStatus.FINISHED, "Done.")
        assert ended.status is RunStatus.FINISHED

    def test_it_says_who_and_since_when_and_a_second_one_changes_nothing(self, story: Any) -> None:
        assert queue.paused(story.database) is None
        queue.pause(story.database, ANNA)
        since = queue.paused(story.database)
        queue.pause(story.database, "ben")
        assert queue.paused(story.database) == since
        assert (since.by, since.since.tzinfo is not None) == (ANNA, True)

    def test_to_go_on_twice_is_harmless(self, story: Any) -> None:
        queue.proceed(story.database)
        assert queue.paused(story.database) is None


class TestDevices:
    """A device is held by one run at a time."""

    def test_each_run_gets_a_free_one(self, story: Any, first: runs.Run) -> None:
        another(story, first)
        another(story, first)
        assert [claimed(story, "0", "1").device for _ in range(2)] == ["0", "1"]
        assert claimed(story, "0", "1") is None

    def test_two_workers_of_a_machine_never_share_one(self, story: Any, first: runs.Run) -> None:
        another(story, first)
        assert claimed(story, "processor").device == "processor"
        assert claimed(story, "processor", worker=BESIDE) is None

    def test_another_machine_has_devices_of_its_own(self, story: Any, first: runs.Run) -> None:
        another(story, first)
        assert claimed(story, "0")
        assert claimed(story, "0", worker=ELSEWHERE).device == "0"

    def test_it_is_free_again_when_the_run_has_ended(self, story: Any, first: runs.Run) -> None:
        second = another(story, first)
        attempts.end(story.database, claimed(story, "0").id, 1, RunStatus.FAILED, "over")
        assert claimed(story, "0").id == second.id

    def test_a_run_of_two_processes_holds_two(self, story: Any, first: runs.Run) -> None:
        runs.request_stop(story.database, ANNA, first.id, StopRequest.KEEP)
        another(story, first, processes=2)
        another(story, first)
        assert claimed(story, "0", "1", "2").device == "0,1"
        assert claimed(story, "0", "1", "2").device == "2"

    def test_nobody_overtakes_one_that_needs_more(self, story: Any, first: runs.Run) -> None:
        many, small = another(story, first, "Many", processes=2), another(story, first, "Small")
        run = claimed(story, "0", "1")
        assert claimed(story, "0", "1") is None
        attempts.end(story.database, run.id, 1, RunStatus.FAILED, "over")
        assert claimed(story, "0", "1").id == many.id
        assert claimed(story, "0", "1") is None
        attempts.end(story.database, many.id, 1, RunStatus.FAILED, "over")
        assert claimed(story, "0", "1").id == small.id

    def test_more_processes_than_there_are_take_all(self, story: Any, first: runs.Run) -> None:
        runs.request_stop(story.database, ANNA, first.id, StopRequest.KEEP)
        another(story, first, processes=4)
        assert claimed(story, "processor").device == "processor"


class TestOneAfterAnother:
    """A run waits until another has ended."""

    @pytest.fixture
    def second(self, story: Any, first: runs.Run) -> runs.Run:
        """Return a run that comes first in line but waits for the first."""
        run = another(story, first, "Second")
        queue_moves.set_priority(story.database, ANNA, run.id, 1)
        return queue_moves.run_after(story.database, ANNA, run.id, first.id)

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (RunStatus.FINISHED, "has finished"),
            (RunStatus.STOPPED, "was stopped"),
            (RunStatus.FAILED, "has failed"),
            (RunStatus.DISCARDED, "was discarded"),
        ],
    )
    def test_it_starts_when_the_other_has_ended_in_any_way_and_says_so(
        self, story: Any, first: runs.Run, second: runs.Run, status: RunStatus, words: str
    ) -> None:
        run = claimed(story)
        assert run.id == first.id
        attempts.begin(story.database, run.id, 1)
        assert claimed(story) is None
        attempts.end(story.database, run.id, 1, status, "over")
        assert claimed(story).id == second.id
        [told] = events.of(story.database, second.id)
        assert told.words == f'It waited for "First", which {words}.'

    def test_where_it_must_finish_no_other_end_will_do(
        self, story: Any, first: runs.Run, second: runs.Run
    ) -> None:
        queue_moves.run_after(story.database, ANNA, second.id, first.id, only_finished=True)
        attempts.end(story.database, claimed(story).id, 1, RunStatus.FAILED, "over")
        assert claimed(story) is None
        runs.resume(story.database, ANNA, first.id)
        attempts.begin(story.database, claimed(story).id, 2)
        attempts.end(story.database, first.id, 2, RunStatus.FINISHED, "over")
        assert claimed(story).id == second.id

    def test_it_starts_anyway_where_the_person_says_so(
        self, story: Any, first: runs.Run, second: runs.Run
    ) -> None:
        queue_moves.run_after(story.database, ANNA, second.id, None)
        assert claimed(story).id == second.id
        assert events.of(story.database, second.id) == []

    def test_a_deleted_or_unknown_one_is_not_waited_for(
        self, story: Any, first: runs.Run, second: runs.Run
    ) -> None:
        owned.mark_deleted(story.database, RunRow, ANNA, first.id, deleted=True)
        third = another(story, first, "Third")
        with story.database.write() as session:
            session.get_one(RunRow, third.id).after_run_id = "run_000000000000"
        assert [claimed(story).id, claimed(story).id] == [second.id, third.id]

    def test_one_put_back_after_its_start_waits_no_more(
        self, story: Any, first: runs.Run, second: runs.Run
    ) -> None:
        attempts.end(story.database, claimed(story).id, 1, RunStatus.FAILED, "over")
        run = claimed(story)
        runs.resume(story.database, ANNA, first.id)
        attempts.put_back(story.database, run.id, run.attempt, "killed")
        assert claimed(story).id == second.id

    def test_circles_are_refused(self, story: Any, first: runs.Run, second: runs.Run) -> None:
        third = another(story, first, "Third")
        queue_moves.run_after(story.database, ANNA, third.id, second.id)
        for waits, for_ in ((first, third), (first, second), (second, second)):
            with pytest.raises(StudioError, match="cannot wait for"):
                queue_moves.run_after(story.database, ANNA, waits.id, for_.id)

    def test_one_that_has_ended_cannot_be_waited_for(self, story: Any, first: runs.Run) -> None:
        second = another(story, first)
        runs.request_stop(story.database, ANNA, first.id, StopRequest.KEEP)
        with pytest.raises(StudioError, match="has ended already"):
            queue_moves.run_after(story.database, ANNA, second.id, first.id)
