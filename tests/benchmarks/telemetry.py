"""What measuring costs: the time of one sample of a run's processes, and its share of a core.

`python -m tests.benchmarks.telemetry [gigabytes] [samples]`: a process that holds so much memory
stands for the run; prints the wall and processor time of a sample, and of writing it down.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from storage import attempts, base_models, database, datasets, leases, runs, telemetry
from storage.ids import LOCAL_PERSON
from storage.settings import Settings
from storage.specs import RunSpec
from storage.status import WorkStatus
from storage.tables import BaseModelRow, DatasetRow
from storage.telemetry import Sample
from worker.telemetry import EVERY, Processes

HOLD = "held = bytearray(int({size})); held[::4096] = b'x' * len(held[::4096]); print(); input()"


def main(gigabytes: float = 1.0, samples: int = 20) -> None:
    """Measure both parts and print them."""
    command = [sys.executable, "-c", HOLD.format(size=gigabytes * 1e9)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        assert held.stdout
        held.stdout.readline()
        processes = Processes(held.pid)
        reading = timed(lambda number: processes.sample(), samples)
        held.communicate(b"\n")
    with tempfile.TemporaryDirectory() as folder:
        writing = timed(writer(Path(folder)), samples)
    for name, (wall, busy) in {"reading": reading, "writing": writing}.items():
        print(f"{name:8} {1000 * wall:7.2f} ms, {1000 * busy:6.2f} ms of a core")
    share = 100 * (reading[1] + writing[1]) / EVERY
    print(f"every {EVERY:g} s that is {share:.3f} % of a core, with {gigabytes:g} GB held")


def timed(do: Callable[[int], object], times: int) -> tuple[float, float]:
    """Return the wall and the processor time of one call, in seconds, over so many."""
    wall, busy = time.perf_counter(), time.process_time()
    for number in range(times):
        do(number)
    return (time.perf_counter() - wall) / times, (time.process_time() - busy) / times


def writer(home: Path) -> Callable[[int], object]:
    """Return what writes down the sample of a number, in a database of its own."""
    opened = database.opened(Settings(home=home))
    data = datasets.add(opened, LOCAL_PERSON, "mine", "a" * 64, 10)
    model = base_models.add(opened, LOCAL_PERSON, "Mine", base_models.Source.STARTER, "starter")
    with opened.write() as session:
        for table, identifier in ((DatasetRow, data.id), (BaseModelRow, model.id)):
            session.get_one(table, identifier).status = WorkStatus.READY
    runs.add(opened, LOCAL_PERSON, RunSpec(dataset_id=data.id, base_model_id=model.id))
    run = attempts.claim(opened, leases.worker_name(), 3600)
    assert run is not None
    values = {"memory": 10**9, "free": 10**9, "processor": 199.9, "cores": 2}
    key = (run.id, run.attempt)
    return lambda number: telemetry.add(opened, *key, Sample(1e9 + number, values))


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    main(*given[:1], *(int(word) for word in given[1:2]))
