"""Redis as the doorbell: killed, away and emptied, it delays a run a little and loses none.

The studio does not need Redis; these workers are told to use one of the test's own.
"""

import logging
import pickle
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.redis_server import RedisServer
from tests.fakes.studio_worker import StudioWorker, Town, until
from tests.faults.test_doorbell import SHORT, Bomb

OUTAGES = [pytest.param(6, id="short"), pytest.param(60, marks=pytest.mark.slow, id="a minute")]

ROUND = 12.0
"""Seconds between two looks of the worker by itself."""

DRAINED = 15.0
"""Seconds after its return in which Redis rings again and nothing waits."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a server that answers."""
    made = RedisServer(tmp_path_factory.mktemp("redis"))
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def called(new_town: Callable[[], Town], server: RedisServer) -> Town:
    """Return a town whose studio and worker speak by that server."""
    town = new_town()
    town.home.queue_url = server.url
    return town


@pytest.fixture(scope="module")
def listener(called: Town) -> StudioWorker:
    """Return a worker that looks by itself only now and then, so that it is the bell it hears."""
    return called.worker(reconcile_seconds=ROUND).wait_until_warm()


def test_a_run_that_is_rung_for_starts_before_the_next_round(
    called: Town, listener: StudioWorker
) -> None:
    took = []
    for _ in range(3):
        run_id, began = called.start(**SHORT), time.monotonic()
        until(lambda run_id=run_id: called.run(run_id).attempt)
        took.append(time.monotonic() - began)
        called.wait_for(run_id)
    assert statistics.median(took) < ROUND / 3


def test_a_pickle_planted_in_redis_is_not_executed(
    called: Town, listener: StudioWorker, server: RedisServer, tmp_path: Path
) -> None:
    server.plant(pickle.dumps(Bomb(tmp_path / "planted")))
    called.wait_for(called.start(**SHORT))
    until(lambda: server.waiting() == 0)  # the bomb was taken from the queue
    assert not (tmp_path / "planted").exists()
    assert listener.is_alive


@pytest.mark.parametrize("seconds", OUTAGES)
def test_while_redis_is_away_runs_are_taken_in_and_they_start_when_it_is_back(
    called: Town, listener: StudioWorker, server: RedisServer, seconds: float
) -> None:
    server.kill()
    assert not server.answers
    began = time.monotonic()
    run_id = called.start(**SHORT)  # saved; the bell is not heard
    assert time.monotonic() - began < 30, "a person waited for a bell that cannot ring"
    until(lambda: listener.said("Error reading from queue"))
    time.sleep(seconds)
    assert listener.is_alive
    server.start()
    called.ring()
    began = time.monotonic()
    until(lambda: called.run(run_id).attempt)
    assert time.monotonic() - began < DRAINED or seconds < 60
    logging.info("away for %d s, drained in %.1f s", seconds, time.monotonic() - began)
    called.wait_for(run_id)
    until(lambda: server.waiting() == 0)


def test_a_message_thrown_away_loses_no_run(
    called: Town, listener: StudioWorker, server: RedisServer
) -> None:
    until(lambda: server.waiting() == 0)
    called.put_to_sleep(listener.pid)
    time.sleep(1.5)  # until the server has given up on the one who waited for a message
    run_ids = [called.start(**SHORT) for _ in range(2)]
    assert server.waiting() == 2
    server.flush()
    assert server.waiting() == 0, "the fault did not happen"
    listener.signal(signal.SIGCONT)
    for run_id in run_ids:
        assert called.wait_for(run_id).attempt == 1
