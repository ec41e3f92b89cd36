"""Opening a run of 1,000,000 points and its live update, beside reading everything.

`python -m tests.benchmarks.curves [POINTS]` from the project's root; it prints, it asserts nothing.
"""

import math
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from sqlalchemy import insert

from storage import attempts, base_models, curves, database, datasets, metrics, runs, work
from storage.settings import Settings
from storage.specs import RunSpec
from storage.tables import BaseModelRow, DatasetRow, MetricPointRow

NAMES = ("grad_norm", "learning_rate", "loss", "tokens_per_second")
REPEATS = 5


def main(points: int) -> None:
    """Build the run, then time each way of reading it."""
    with tempfile.TemporaryDirectory() as folder:
        opened = database.opened(Settings(home=Path(folder)))
        run_id = long_run(opened, points // len(NAMES))
        first = curves.opening(opened, run_id)
        everything, seconds_all = best(lambda: read_everything(opened, run_id), repeats=2)
        page, seconds_page = best(lambda: orjson.dumps(curves.opening(opened, run_id)))
        live, seconds_live = live_update(opened, run_id, first.cursor, points // len(NAMES))
        opened.close()
    show("everything", seconds_all, len(everything))
    show("opening", seconds_page, len(page))
    show("live update", seconds_live, len(live))
    sent = sum(len(curve.steps) for curve in first.curves)
    print(f"points sent at opening: {sent:,} of {points:,}")
    print(f"opening / everything: {seconds_page / seconds_all:.3f} of the time")
    print(f"live update / everything: {seconds_live / seconds_all:.6f} of the time")


def long_run(opened: database.Database, steps: int) -> str:
    """Return the id of a run with `steps` points on each of the curves."""
    data = datasets.add(opened, "local", "data", "0" * 64, 1)
    model = base_models.add(opened, "local", "model", base_models.Source.STARTER, "starter")
    run = runs.add(opened, "local", RunSpec(dataset_id=data.id, base_model_id=model.id))
    make_ready(opened)
    claimed = attempts.claim(opened, "here:1:0", seconds=3600)
    if claimed is None:
        raise RuntimeError("nothing to claim")
    chance = random.Random(0)
    for name in NAMES:
        with opened.write() as session:
            session.execute(insert(MetricPointRow), rows(chance, run.id, name, steps))
    return run.id


def make_ready(opened: database.Database) -> None:
    """Let the data and the model be ready without their files, which no curve needs."""
    for table in (DatasetRow, BaseModelRow):
        row = work.claim(opened, table, "here:1:0", seconds=3600)
        if row is not None:
            work.finish(opened, table, (row.id, row.attempt))


def rows(chance: random.Random, run_id: str, name: str, steps: int) -> list[dict[str, object]]:
    """Return one falling, noisy curve with a spike and a hole here and there."""
    found: list[dict[str, object]] = []
    for step in range(1, steps + 1):
        value = 3 * math.exp(-step / steps) + chance.gauss(0, 0.1)
        spiked = value * (10 if chance.random() < 1e-4 else 1)
        hole = chance.random() < 1e-4
        found.append(
            {
                "run_id": run_id,
                "name": name,
                "step": step,
                "value": None if hole else spiked,
                "at": 0.0,
            }
        )
    return found


def read_everything(opened: database.Database, run_id: str) -> bytes:
    """Read every point, as a studio would that knows no other way."""
    return orjson.dumps(metrics.after(opened, run_id, most=10**9).points)


def live_update(
    opened: database.Database, run_id: str, cursor: str, last: int
) -> tuple[bytes, float]:
    """Return what travels of ten new steps of every curve, and how long reading it takes."""
    new = [metrics.Point(name, last + k, 1.5) for name in NAMES for k in range(1, 11)]
    metrics.report(opened, run_id, 1, new)
    return best(lambda: orjson.dumps(metrics.after(opened, run_id, cursor)), repeats=50)


def best(reading: Callable[[], bytes], repeats: int = REPEATS) -> tuple[bytes, float]:
    """Return what a way of reading gives and its shortest time in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = reading()
        times.append(time.perf_counter() - start)
    return result, min(times)


def show(what: str, seconds: float, size: int) -> None:
    """Print one line."""
    print(f"{what:12} {seconds * 1000:9.2f} ms {size / 1000:10.1f} kB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
