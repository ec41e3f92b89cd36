"""Reporting: durable before a checkpoint counts, quick to hear, and silent once superseded."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from storage import runs
from storage.ids import LOCAL_PERSON
from storage.metrics import Point
from storage.runs import Run
from storage.settings import Settings
from storage.status import StopRequest
from storage.tables import RunRow
from tests.fakes.training_home import TrainingHome, conversations
from worker.training.reporting import SUPERSEDED, Reporter
from worker.training.stops import Stop, Stops


@pytest.fixture
def claimed(home: TrainingHome, llama: Path) -> Run:
    home.queue(home.dataset(conversations(9)), home.base_model(llama))
    return home.claim()


@pytest.fixture
def reporter(home: TrainingHome, claimed: Run) -> Iterator[Reporter]:
    made = Reporter(home.settings.database, claimed.id, claimed.attempt)
    yield made
    made.close()


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


def test_what_was_flushed_is_there(home: TrainingHome, claimed: Run, reporter: Reporter) -> None:
    for step in range(1, 200):
        reporter.report([Point("loss", step, 1.0 / step)], step=step, stage="training")
    reporter.flush()
    assert list(home.curve(claimed.id, "loss")) == list(range(1, 200))
    assert (home.run(claimed.id).step, home.run(claimed.id).stage) == (199, "training")


def test_an_urgent_point_does_not_wait_for_the_next_round(
    home: TrainingHome, claimed: Run, reporter: Reporter
) -> None:
    time.sleep(0.1)  # the thread has begun its half-second of rest
    reporter.report([Point("loss", 1, 5.0)], urgent=True)
    assert wait_until(lambda: 1 in home.curve(claimed.id, "loss")) < 0.3


def test_a_wish_to_stop_is_heard_within_a_second(
    home: TrainingHome, claimed: Run, reporter: Reporter
) -> None:
    stops = Stops(lambda: reporter.asked)
    assert stops.wanted() is None
    runs.request_stop(home.database, LOCAL_PERSON, claimed.id, StopRequest.KEEP)
    assert wait_until(lambda: stops.wanted() is Stop.KEEP) < 1.0


def test_a_superseded_process_ends_at_once_and_writes_nothing(
    home: TrainingHome, claimed: Run
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["worker.training.preload"])
    arguments = (home.home, claimed.id, claimed.attempt)
    process = context.Process(target=_report_for_ever, args=arguments)
    process.start()
    wait_until(lambda: bool(home.points(claimed.id)), 60)
    with home.database.write() as session:
        session.execute(update(RunRow).values(attempt=claimed.attempt + 1))
    there = len(home.points(claimed.id))
    process.join(10)
    assert process.exitcode == SUPERSEDED
    assert len(home.points(claimed.id)) == there


def _report_for_ever(home: Path, run_id: str, attempt: int) -> None:
    reporter = Reporter(Settings(home=home).database, run_id, attempt)
    for step in range(1, 1_000_000):
        reporter.report([Point("loss", step, 1.0)], urgent=True)
        time.sleep(0.01)
