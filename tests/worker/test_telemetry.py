"""What a run takes of the machine is sampled while its child lives, and told of no other."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from storage import attempts, telemetry
from storage.runs import Run
from storage.telemetry import Sample
from tests.fakes.nvml import FakeNvml
from tests.fakes.studio_worker import until
from tests.worker.conftest import Home
from worker.cards import Cards, Reading
from worker.devices import of_machine
from worker.telemetry import Course, Meter, Processes

BUSY = """
import subprocess, sys, time
held = bytearray(80_000_000)
child = subprocess.Popen([sys.executable, "-c", "b = bytearray(50_000_000)\\nwhile True: pass"])
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """Return a process that holds memory, and has a child that holds some and computes."""
    process = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    yield process
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    process.kill()
    process.communicate()


def claimed(home: Home, *devices: str) -> Run:
    """Return a run that this process holds."""
    home.queued()
    run = attempts.claim(home.database, "here:1:1.00", 30, devices)
    assert run is not None
    return run


def test_memory_and_processor_are_those_of_the_child_and_all_it_has_started(
    busy: subprocess.Popen[bytes],
) -> None:
    processes = Processes(busy.pid)
    until(lambda: processes.sample()["memory"] > 130_000_000)
    processes.sample()
    time.sleep(0.5)
    found = processes.sample()
    assert found["memory"] < 400_000_000
    assert found["processor"] > 5
    assert found["cores"] >= 1


def test_a_child_that_has_ended_takes_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    assert Processes(process.pid).sample()["memory"] == 0


def test_samples_are_kept_while_the_child_lives(home: Home) -> None:
    run, machine = claimed(home, "0"), of_machine(None, Cards(FakeNvml(["GPU-0"])))
    with Meter(home.database, run, os.getpid(), machine, every=0.05):
        until(lambda: len(telemetry.after(home.database, run.id)) >= 3)
    kept = telemetry.after(home.database, run.id)
    values = kept[-1].values
    assert values["memory"] > 0
    assert values["cards"]["0"]["use"] == 87.0
    assert values["joules"] == 0.0  # the counter has not moved
    assert [sample.at for sample in kept] == sorted({sample.at for sample in kept})
    time.sleep(0.3)
    assert len(telemetry.after(home.database, run.id)) <= len(kept) + 1


def test_nothing_is_kept_for_an_attempt_that_is_over(
    home: Home, busy: subprocess.Popen[bytes]
) -> None:
    run = claimed(home)
    attempts.put_back(home.database, run.id, run.attempt, "killed")
    meter = Meter(home.database, run, os.getpid(), of_machine(""), every=0.01)
    with meter:
        meter._thread.join(10)
    assert not meter._thread.is_alive()
    assert telemetry.after(home.database, run.id) == []


def test_a_database_that_is_locked_for_a_while_costs_samples_only(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, refused = claimed(home), [telemetry.last, telemetry.last]

    def last(*key: Any) -> Any:
        if refused:
            refused.pop()
            raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))
        return None

    monkeypatch.setattr("worker.telemetry.telemetry.last", last)
    with Meter(home.database, run, os.getpid(), of_machine(""), every=0.05):
        until(lambda: len(telemetry.after(home.database, run.id)) >= 2)
    assert not refused


class TestEnergy:
    """Joules of a run, over all its attempts."""

    READING = Reading(0, 1, power=100.0, energy=5_000.0)

    def test_the_counter_counts_from_the_beginning_of_the_run(self) -> None:
        course = Course(None, {"0": self.READING, "1": self.READING})
        later = replace(self.READING, energy=5_600.0)
        assert course.energy({"0": later, "1": self.READING}) == 600.0
        assert course.energy({"0": replace(later, energy=5_700.0), "1": later}) == 1300.0

    def test_a_later_attempt_goes_on_from_what_was_taken_before(self) -> None:
        course = Course(Sample(10.0, {"joules": 250.0}), {"0": self.READING})
        assert course.energy({"0": replace(self.READING, energy=5_050.0)}) == 300.0

    def test_without_a_counter_power_times_time_is_taken(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = iter([0.0, 5.0, 10.0])
        times = SimpleNamespace(monotonic=lambda: next(clock), time=time.time)
        monkeypatch.setattr("worker.telemetry.time", times)  # and nobody else's clock
        without = replace(self.READING, energy=None)
        course = Course(None, {"0": without})
        assert course.energy({"0": without}) == 500.0
        assert course.energy({"0": without}) == 1000.0

    def test_a_counter_that_began_anew_takes_nothing_back(self) -> None:
        course = Course(None, {"0": self.READING})
        assert course.energy({"0": replace(self.READING, energy=3.0)}) >= 0.0


def test_moments_go_on_after_those_before_even_when_the_clock_was_set_back() -> None:
    course = Course(Sample(time.time() + 7200, {}), {})
    first = course.moment()
    assert time.time() + 7000 < first <= course.moment()
