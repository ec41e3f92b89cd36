"""Several processes as one: what one says all know, and what befalls one befalls all."""

import os
import signal
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
import pytest

from storage.errors import StudioError
from tests.fakes import several
from worker.training.distributed import leader
from worker.training.job import Outcome


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    """Have the libraries imported before any time is measured."""
    came_of(several.together_know)


def came_of(work: several.Work, patience: float = 60.0) -> tuple[object, int]:
    """Return what the leader tells (None: nothing), and its exit code."""
    process, door = several.start(work, patience)
    word = heard(door)
    process.join(30)
    assert process.exitcode is not None
    return word, process.exitcode


def heard(door: Connection) -> object:
    try:
        return door.recv()
    except EOFError:
        return None


def test_all_know_what_one_tells_and_count_together() -> None:
    word, code = came_of(several.together_know)
    assert isinstance(word, Outcome)
    assert (word.words, code) == ("2 processes, last 1, sum 3", 0)


def test_what_one_cannot_do_is_told_in_its_words() -> None:
    word, code = came_of(several.one_complains)
    assert isinstance(word, StudioError)
    assert (word.message, word.hint, code) == ("This cannot be.", "Do something else.", 0)


def test_a_bug_in_one_is_told_with_the_place_where_it_is() -> None:
    word, _ = came_of(several.one_has_a_bug)
    assert isinstance(word, KeyError)
    assert "one_has_a_bug" in "".join(word.__notes__)


def test_where_one_is_killed_the_leader_dies_of_the_same_and_nobody_is_left() -> None:
    process, door = several.start(several.one_is_killed)
    assert heard(door) is None
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert not led_by(process.pid)


def test_one_that_never_comes_is_not_waited_for_for_ever() -> None:
    began = time.monotonic()
    word, code = came_of(several.one_hangs, patience=1.0)
    assert (word, code) == (None, leader.LOST)
    assert time.monotonic() - began < 30


def test_a_request_to_stop_reaches_all_at_the_same_step(tmp_path: Path) -> None:
    process, door = several.start(partial(several.asked_to_stop, tmp_path / "listening"))
    until = time.monotonic() + 60
    while not (tmp_path / "listening").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGTERM)
    word = heard(door)
    assert isinstance(word, Outcome)
    step, last = word.words.removeprefix("step ").split(", last ")
    assert step == last
    process.join(30)


def test_a_leader_that_is_killed_takes_all_with_it() -> None:
    process, _ = several.start(several.one_hangs)
    members = wait_for(process.pid)
    process.kill()
    gone, left = psutil.wait_procs(members, timeout=10)
    assert (len(gone), left) == (2, [])


def led_by(pid: int | None) -> list[psutil.Process]:
    """Return the processes whose leader this is, as long as it lives."""
    try:
        return psutil.Process(pid).children()
    except psutil.NoSuchProcess:
        return []


def wait_for(pid: int | None) -> list[psutil.Process]:
    """Return the two processes of a leader as soon as both are there and have settled."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if len(led_by(pid)) == 2:
            time.sleep(0.5)
            return led_by(pid)
        time.sleep(0.05)
    pytest.fail("the leader started nobody")
