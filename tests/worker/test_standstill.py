"""How long a run may stand still: longer where its steps take long, and where there are none."""

import pytest

from worker import standstill
from worker.standstill import Standstill


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def monotonic(self) -> float:
        """Return its time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that the module looks at."""
    made = Clock()
    monkeypatch.setattr(standstill, "time", made)
    return made


def after_steps(clock: Clock, seconds: float) -> Standstill:
    """Return one that has heard of ten steps, each of which took so long."""
    heard = Standstill(600)
    for step in range(1, 11):
        heard.hear(("training", step))
        clock.now += seconds
    heard.hear(("training", 11))
    return heard


@pytest.mark.parametrize(("step_seconds", "limit"), [(1, 600), (30, 600), (60, 1200)])
def test_ten_minutes_or_twenty_usual_steps_whichever_is_longer(
    clock: Clock, step_seconds: float, limit: float
) -> None:
    heard = after_steps(clock, step_seconds)
    clock.now += limit - 1
    assert not heard.is_over
    clock.now += 2
    assert heard.is_over


def test_a_step_that_was_unusually_long_does_not_count(clock: Clock) -> None:
    heard = after_steps(clock, 1)
    clock.now += 500
    heard.hear(("training", 12))
    assert heard.limit == 600


def test_loading_and_exams_may_take_an_hour_and_say_so(clock: Clock) -> None:
    heard = Standstill(600)
    heard.hear(("loading the base model", 0))
    clock.now += 3500
    assert not heard.is_over
    heard.hear(("reading the data", 0))
    clock.now += 3599
    assert not heard.is_over
    clock.now += 2
    assert heard.is_over
    assert heard.words == "The training stood still for 60 minutes while it was reading the data."


def test_steps_are_measured_over_several_that_were_heard_at_once(clock: Clock) -> None:
    heard = Standstill(600)
    heard.hear(("training", 1))
    clock.now += 500
    heard.hear(("training", 11))
    assert heard.limit == 20 * 50
