"""The clock of the machine that trains is set back and forth by two hours while it does."""

import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from storage import metrics, runs
from tests.fakes.studio_worker import StudioWorker, Town
from tests.faults.conftest import SPEC, Result, result

SOURCE = Path(__file__).parents[1] / "fakes" / "wrong_clock.c"

HOURS = [(-2, 2)] + [
    pytest.param(one, two, marks=pytest.mark.slow, id=f"{number}: {one} {two}")
    for number, (one, two) in enumerate(
        [(-2, 0), (2, -2), (-1, 1), (2, 0), (-2, -4), (2, 4), (1, 0)] * 3
    )
]


@dataclass(frozen=True)
class WrongClock:
    """A clock that a test sets for processes that were started with its environment."""

    file: Path
    library: Path

    def set(self, hours: int) -> None:
        """Let it be wrong by so many hours."""
        with self.file.open("r+b") as file:
            file.write(struct.pack("l", hours * 3600))

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with."""
        return {"LD_PRELOAD": str(self.library), "WRONG_CLOCK": str(self.file)}


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> WrongClock:
    """Return a clock that is right."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no C compiler to make a clock that can be set for one process")
    folder = tmp_path_factory.mktemp("clock")
    made = WrongClock(folder / "offset", folder / "wrong_clock.so")
    made.file.write_bytes(bytes(struct.calcsize("l")))
    command = [compiler, "-shared", "-fPIC", "-o", str(made.library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return made


@pytest.fixture(scope="module")
def odd_hours(new_town: Callable[[], Town]) -> Town:
    """Return a town of its own."""
    return new_town()


@pytest.fixture(scope="module")
def late(odd_hours: Town, clock: WrongClock) -> StudioWorker:
    """Return a warm worker that goes by that clock, as its children do."""
    return odd_hours.worker(environment=clock.environment).wait_until_warm()


@pytest.mark.parametrize(("first", "second"), HOURS)
def test_a_run_takes_no_notice_of_a_clock_that_is_set(
    odd_hours: Town,
    late: StudioWorker,
    clock: WrongClock,
    reference: Result,
    first: int,
    second: int,
) -> None:
    clock.set(0)
    run_id = odd_hours.start(**SPEC)
    for offset in (first, second):
        odd_hours.wait_for_step(run_id, odd_hours.run(run_id).step + 15)
        clock.set(offset)
    odd_hours.wait_for(run_id)
    told = {round((point.at - time.time()) / 3600) for point in odd_hours.home.points(run_id)}
    assert told >= {first, second}, "the fault did not happen"
    assert len(runs.attempts(odd_hours.home.database, run_id)) == 1
    assert odd_hours.run(run_id).seconds > 0
    for name in metrics.AMOUNTS:
        curve = list(odd_hours.home.curve(run_id, name).values())
        assert all(one <= next_one for one, next_one in pairwise(curve))
    assert result(odd_hours, run_id) == reference
