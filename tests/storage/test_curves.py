"""The opening of a run page: few points, none of those that matter missing, and a cursor."""

import math
import random
from typing import Any

import pytest

from storage import curves, metrics
from storage.metrics import Point


def written(story: Any, points: list[Point]) -> str:
    """Return the id of a run with these points."""
    run = story.running()
    metrics.report(story.database, run.id, 1, points)
    return run.id


def noise(count: int, every: int = 1) -> list[Point]:
    """Return a curve that nobody could guess the extremes of."""
    chance = random.Random(count)
    return [Point("loss", step * every, chance.random()) for step in range(count)]


def test_a_run_without_points_opens_empty_and_its_cursor_hears_the_first(story: Any) -> None:
    run = story.running()
    opened = curves.opening(story.database, run.id)
    assert opened.curves == []
    metrics.report(story.database, run.id, 1, noise(3))
    assert len(metrics.after(story.database, run.id, opened.cursor).points) == 3


@pytest.mark.parametrize("count", [1, 2, 100])
def test_a_short_curve_is_whole(story: Any, count: int) -> None:
    points = noise(count)
    [curve] = curves.opening(story.database, written(story, points), most=100).curves
    assert curve.steps == [point.step for point in points]
    assert curve.values == [point.value for point in points]


@pytest.mark.parametrize("most", [4, 10, 99, 100, 1000])
@pytest.mark.parametrize("every", [1, 7])
def test_a_long_curve_keeps_its_ends_and_the_extremes_of_every_span(
    story: Any, most: int, every: int
) -> None:
    points = noise(3000, every)
    [curve] = curves.opening(story.database, written(story, points), most).curves
    drawn = dict(zip(curve.steps, curve.values, strict=True))
    real = {point.step: point.value for point in points}
    assert len(drawn) <= most
    assert curve.steps == sorted(curve.steps)
    assert drawn.items() <= real.items()
    assert {points[0].step, points[-1].step} <= drawn.keys()
    spans = (most - 2) // 2
    width = math.ceil(len(points) * every / spans)
    for start in range(0, len(points) * every, width):
        inside = [v for step, v in real.items() if start <= step < start + width]
        assert not inside or {min(inside), max(inside)} <= set(drawn.values())


def test_a_single_spike_and_a_single_hole_in_a_long_curve_are_drawn(story: Any) -> None:
    points = [Point("loss", step, 1.0) for step in range(5000)]
    points[1234], points[3456] = Point("loss", 1234, 50.0), Point("loss", 3456, math.nan)
    [curve] = curves.opening(story.database, written(story, points), most=100).curves
    drawn = dict(zip(curve.steps, curve.values, strict=True))
    assert drawn[1234] == 50.0
    assert drawn[3456] is None


@pytest.mark.parametrize("holes", [5000, 4000, 50])
def test_many_holes_are_thinned_out_and_leave_room_for_the_rest(story: Any, holes: int) -> None:
    points = [Point("loss", step, math.nan if step < holes else 1.0) for step in range(5000)]
    [curve] = curves.opening(story.database, written(story, points), most=100).curves
    assert len(curve.steps) <= 100
    assert 30 // 2 <= curve.values.count(None) <= 35
    assert (curve.steps[0], curve.steps[-1]) == (0, 4999)


def test_steps_in_clusters_far_apart_are_all_shown(story: Any) -> None:
    far = [*range(500), *range(10**6, 10**6 + 500)]
    points = [Point("loss", step, 0.5) for step in far]
    [curve] = curves.opening(story.database, written(story, points), most=100).curves
    assert any(step < 500 for step in curve.steps)
    assert any(step >= 10**6 for step in curve.steps)


def test_each_curve_has_its_own_room_and_the_cursor_goes_on_from_all(story: Any) -> None:
    short = [Point("eval_loss", step, 2.0) for step in range(0, 2000, 100)]
    run_id = written(story, noise(2000) + short)
    opened = curves.opening(story.database, run_id, most=50)
    assert [(curve.name, len(curve.steps) <= 50) for curve in opened.curves] == [
        ("eval_loss", True),
        ("loss", True),
    ]
    assert metrics.after(story.database, run_id, opened.cursor).points == []
    new = [Point("loss", 2000, 0.1, at=1.0), Point("loss", 2001, 0.2, at=2.0)]
    metrics.report(story.database, run_id, 1, new)
    assert metrics.after(story.database, run_id, opened.cursor).points == new
