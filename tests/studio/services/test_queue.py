"""The queue as a person sees it: estimates, and nothing for anybody else."""

from collections.abc import Callable
from typing import Any

import pytest

from storage import attempts
from storage.errors import NotFound, Refused
from storage.ids import LOCAL_PERSON as ME
from storage.runs import Run
from storage.status import RunStatus
from studio.services import datasets, queue, runs, telemetry
from studio.services.queue import Before
from tests.fakes.workplace import Workplace
from tests.studio.services.test_runs import started

BEN = "ben"

ACTIONS: list[Callable[..., Any]] = [
    lambda studio, run_id: queue.move(studio, BEN, run_id, "front", None),
    lambda studio, run_id: queue.set_priority(studio, BEN, run_id, "high"),
    lambda studio, run_id: queue.run_after(studio, BEN, run_id, None),
    lambda studio, run_id: queue.again(studio, BEN, run_id),
    lambda studio, run_id: telemetry.of_run(studio, BEN, run_id),
]


@pytest.mark.parametrize("act", ACTIONS)
def test_somebody_elses_run_is_not_there(workplace: Workplace, act: Callable[..., Any]) -> None:
    run = started(workplace)
    with pytest.raises(NotFound, match=run.id):
        act(workplace.studio, run.id)
    assert queue.line(workplace.studio, BEN).waiting == []
    assert [each.run for each in queue.line(workplace.studio, ME).waiting] == [run]


def test_nobody_waits_for_somebody_elses_run(workplace: Workplace) -> None:
    mine = started(workplace)
    data, model = workplace.data(owner=BEN), workplace.model(owner=BEN)
    values = mine.spec.model_dump() | {"dataset_id": data.id, "base_model_id": model.id}
    theirs = runs.start(workplace.studio, BEN, values)
    with pytest.raises(NotFound):
        queue.run_after(workplace.studio, BEN, theirs.id, mine.id)
    with pytest.raises(NotFound):
        queue.move(workplace.studio, BEN, theirs.id, "before", mine.id)


def test_a_second_click_within_moments_is_the_first_ones_run(workplace: Workplace) -> None:
    values = started(workplace).spec.model_dump() | {"name": "Clicked"}
    clicked = [runs.start(workplace.studio, ME, values, moments=runs.CLICKS).id for _ in range(3)]
    assert len(set(clicked)) == 1
    assert runs.start(workplace.studio, ME, values).id not in clicked


def test_what_is_expected_of_a_run_is_kept_for_those_who_wait(workplace: Workplace) -> None:
    run = started(workplace)
    assert (run.planned_bytes or 0) > 0


def test_a_run_is_not_started_anew_on_data_that_is_gone(workplace: Workplace) -> None:
    run = started(workplace)

    datasets.delete(workplace.studio, ME, run.dataset_id)
    with pytest.raises(Refused):
        queue.again(workplace.studio, ME, run.id)


class TestStarts:
    """When those who wait may start."""

    @pytest.fixture
    def run(self, workplace: Workplace) -> Run:
        """Return a run whose plan says 100 seconds."""
        return started(workplace).model_copy(update={"planned_seconds": 100.0})

    def of(self, run: Run, **changes: Any) -> Run:
        """Return another run."""
        return run.model_copy(update=changes)

    def test_nothing_before_it_lets_it_start_now(self, run: Run) -> None:
        assert queue.starts([], [run], [None]) == [0.0]

    def test_a_plan_that_nobody_knows_hides_all_behind_it(self, run: Run) -> None:
        unknown = self.of(run, id="b", planned_seconds=None)
        waiting = [run, unknown, self.of(run, id="c")]
        assert queue.starts([], waiting, [None] * 3) == [0.0, 100.0, None]

    def test_two_that_train_make_two_places(self, run: Run) -> None:
        training = [self.of(run, id=name, planned_seconds=s) for name, s in (("x", 30), ("y", 50))]
        waiting = [self.of(run, id=name) for name in "abc"]
        assert queue.starts(training, waiting, [None] * 3) == [30, 50, 130]

    def test_one_that_waits_for_another_starts_when_that_ends(self, run: Run) -> None:
        training = [self.of(run, id=name, planned_seconds=s) for name, s in (("x", 30), ("y", 90))]
        before = Before("y", "Y", RunStatus.RUNNING, only_finished=False, in_vain=False)
        assert queue.starts(training, [run], [before]) == [90]
        in_vain = Before("y", "Y", RunStatus.FAILED, only_finished=True, in_vain=True)
        assert queue.starts(training, [run], [in_vain]) == [None]

    def test_a_run_that_was_resumed_needs_the_rest_only(self, run: Run) -> None:
        half = self.of(run, step=10, total_steps=20, seconds=40.0)
        assert queue.starts([], [half, self.of(run, id="b")], [None, None]) == [0.0, 40.0]


def test_the_line_goes_on_when_a_pause_ends(workplace: Workplace) -> None:
    run = started(workplace)
    queue.pause(workplace.studio, ME)
    assert attempts.claim(workplace.studio.database, "w:1:1", 30) is None
    rung = workplace.rings()
    queue.proceed(workplace.studio)
    assert workplace.rings() == rung + 1
    assert attempts.claim(workplace.studio.database, "w:1:1", 30).id == run.id
