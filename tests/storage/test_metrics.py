"""Curves: each point counts once, whoever reads gets each point once, a resume is heard."""

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage import attempts, metrics, runs
from storage.errors import StudioError
from storage.metrics import Point
from storage.status import RunStatus


def losses(*steps: int, name: str = "loss") -> list[Point]:
    """Return points whose value tells their step."""
    return [Point(name, step, step / 10, at=1000.0 + step) for step in steps]


def test_a_batch_is_read_back_by_name_and_step(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(2, 1) + losses(1, name="grad_norm"))
    found = metrics.after(story.database, run.id).points
    assert found == losses(1, name="grad_norm") + losses(1, 2)


def test_the_points_and_the_columns_of_the_run_arrive_together(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(7), step=7, total_steps=10, stage="training")
    found = runs.get(story.database, "anna", run.id)
    assert (found.step, found.total_steps, found.stage) == (7, 10, "training")


def test_a_point_sent_twice_counts_once_and_keeps_its_first_value(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(1, 2))
    metrics.report(story.database, run.id, 1, [Point("loss", 2, 99.0), *losses(3, 3)])
    assert metrics.after(story.database, run.id).points == losses(1, 2, 3)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_value_that_is_no_number_stays_as_a_hole(story: Any, value: float | None) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, [Point("loss", 1, value, at=1.0)])
    assert metrics.after(story.database, run.id).points == [Point("loss", 1, None, at=1.0)]


def test_only_what_is_new_travels(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(1, 2))
    first = metrics.after(story.database, run.id)
    assert metrics.after(story.database, run.id, first.cursor).points == []
    metrics.report(story.database, run.id, 1, losses(3) + losses(1, name="eval_loss"))
    news = metrics.after(story.database, run.id, first.cursor)
    assert news.points == losses(1, name="eval_loss") + losses(3)
    assert news.reset_after is None


def test_a_long_curve_comes_page_by_page(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(*range(25)))
    pages, cursor = [], None
    while page := (news := metrics.after(story.database, run.id, cursor, most=10)).points:
        pages.append(len(page))
        cursor = news.cursor
    assert pages == [10, 10, 5]


def test_the_curves_of_a_run_are_named_once_each(story: Any) -> None:
    run = story.running()
    for name in ("loss", "eval_loss", "a", "loss"):
        metrics.report(story.database, run.id, 1, losses(1, name=name))
    with story.database.read() as session:
        assert metrics.names(session, run.id) == ["a", "eval_loss", "loss"]


def crash_and_claim(story: Any, run: runs.Run) -> int:
    """Let the run's child die and another take over; returns the new attempt."""
    attempts.put_back(story.database, run.id, story_attempt(story, run), "killed")
    with story.database.write() as session:
        session.get_one(runs.RunRow, run.id).crashes = 0
    return story.claimed().attempt


def story_attempt(story: Any, run: runs.Run) -> int:
    """Return the number of the attempt that holds the run."""
    return runs.get(story.database, "anna", run.id).attempt


def test_a_resume_removes_the_later_points_and_readers_hear_of_it(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(1, 2, 3, 4))
    seen = metrics.after(story.database, run.id).cursor
    attempt = crash_and_claim(story, run)
    metrics.resume_from(story.database, run.id, attempt, 2)
    metrics.report(story.database, run.id, attempt, losses(3))
    news = metrics.after(story.database, run.id, seen)
    assert (news.reset_after, news.points) == (2, losses(3))
    found = runs.get(story.database, "anna", run.id)
    assert (found.step, found.checkpoint_step) == (2, 2)
    assert runs.attempts(story.database, run.id)[1]["resumed_step"] == 2


def test_a_reader_who_asks_between_the_claim_and_the_resume_hears_of_it_too(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(1, 2, 3, 4))
    attempt = crash_and_claim(story, run)
    between = metrics.after(story.database, run.id)
    assert between.points == losses(1, 2, 3, 4)
    metrics.resume_from(story.database, run.id, attempt, 1)
    metrics.report(story.database, run.id, attempt, losses(2, 3))
    news = metrics.after(story.database, run.id, between.cursor)
    assert (news.reset_after, news.points) == (1, losses(2, 3))


def test_of_several_resumes_the_lowest_counts(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(1, 2, 3, 4))
    seen = metrics.after(story.database, run.id).cursor
    for step in (1, 3):
        attempt = crash_and_claim(story, run)
        metrics.resume_from(story.database, run.id, attempt, step)
        metrics.report(story.database, run.id, attempt, losses(step + 1, step + 2))
    assert metrics.after(story.database, run.id, seen).reset_after == 1


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("report"), st.integers(1, 4)),
        st.tuples(st.just("read"), st.integers(1, 6)),
        st.tuples(st.just("claim"), st.just(0)),
        st.tuples(st.just("resume"), st.floats(0, 1)),
    ),
    max_size=30,
)


@given(EVENTS)
@example([("report", 4), ("claim", 0), ("read", 6), ("resume", 0.25), ("report", 4)])
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_who_follows_a_curve_sees_each_point_exactly_once_whatever_happens(
    new_story: Callable[[], Any], events: list[tuple[str, Any]]
) -> None:
    story = new_story()
    trainer, reader = _Trainer(story), _Reader(story)
    for event, amount in events:
        if event == "read":
            reader.read(trainer.run.id, most=amount)
        else:
            getattr(trainer, event)(amount)
    while reader.read(trainer.run.id, most=5):
        pass
    assert reader.drawn == trainer.curve == {p.step: p.value for p in trainer.stored()}


class _Trainer:
    """A run that goes on, dies, and goes on again from an earlier step."""

    def __init__(self, story: Any) -> None:
        self.story, self.run, self.curve = story, story.running(), {}
        self.step, self.version, self.waits = 0, 0, False

    def report(self, count: int) -> None:
        if self.waits:
            self.resume(1.0)
        new = range(self.step + 1, self.step + count + 1)
        points = [Point("loss", step, step + self.version / 100) for step in new]
        metrics.report(self.story.database, self.run.id, self._attempt(), points)
        self.curve |= {point.step: point.value for point in points}
        self.step += count

    def claim(self, _: int) -> None:
        crash_and_claim(self.story, self.run)
        self.waits = True

    def resume(self, share: float) -> None:
        """Go on from a share of the way; once an attempt, before its first point."""
        if not self.waits:
            return
        self.step = int(self.step * share)
        metrics.resume_from(self.story.database, self.run.id, self._attempt(), self.step)
        self.curve = {step: value for step, value in self.curve.items() if step <= self.step}
        self.version, self.waits = self.version + 1, False

    def stored(self) -> list[Point]:
        return metrics.after(self.story.database, self.run.id).points

    def _attempt(self) -> int:
        return story_attempt(self.story, self.run)


class _Reader:
    """A browser that draws what is new, and forgets what a resume took back."""

    def __init__(self, story: Any) -> None:
        self.story, self.cursor, self.drawn = story, None, {}

    def read(self, run_id: str, most: int) -> int:
        news = metrics.after(self.story.database, run_id, self.cursor, most)
        if news.reset_after is not None:
            kept = {step: v for step, v in self.drawn.items() if step <= news.reset_after}
            self.drawn = kept
        for point in news.points:
            assert point.step not in self.drawn, "a point came twice"
            self.drawn[point.step] = point.value
        self.cursor = news.cursor
        return len(news.points)


def encoded(value: object) -> str:
    """Return a value in the form of a cursor."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense", "ä", "=", "e30", "%00", encoded([1]), encoded([1, 2]), encoded([1, {"a": "x"}]),
        encoded(["x", {}]), encoded([1, {"a": math.nan}]), encoded([1, {"a": math.inf}]),
        encoded([1, {"a": 10**30}]), encoded([None, {}]), encoded([1, {"a": 1.5}]),
        base64.urlsafe_b64encode(b"[" * 100_000).decode(),
    ],
)  # fmt: skip
def test_a_cursor_of_somebody_elses_making_is_refused_in_words(story: Any, cursor: str) -> None:
    with pytest.raises(StudioError, match="not one that the studio gave"):
        metrics.after(story.database, "run_000000000000", cursor)


def test_the_points_of_a_run_that_ended_stay(story: Any) -> None:
    run = story.running()
    metrics.report(story.database, run.id, 1, losses(1))
    attempts.end(story.database, run.id, 1, RunStatus.FINISHED, "done")
    assert metrics.after(story.database, run.id).points == losses(1)
