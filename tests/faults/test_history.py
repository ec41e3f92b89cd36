"""A studio with a huge history, and twenty tabs: pages stay quick, and memory stays what it is."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import insert

from storage import base_models, database, datasets, ids, runs
from storage.ids import LOCAL_PERSON
from storage.settings import Settings
from storage.specs import RunSpec
from storage.tables import DatasetRow, MetricPointRow, RunRow, now
from tests.fakes.web_process import WebProcess

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Size:
    """How much there is, how many rounds twenty tabs read, and how long a page may take."""

    runs: int
    points: int
    datasets: int
    rounds: int
    seconds: float


SHORT = Size(runs=300, points=20_000, datasets=30, rounds=4, seconds=15)
"""Of the studio in test_full_home, which the plain run has anyway."""

HUGE = Size(runs=5000, points=1_000_000, datasets=500, rounds=25, seconds=1.5)


def fill(home: Path, size: Size) -> str:
    """Fill a home with runs that have ended; returns the one with the longest curve."""
    opened = database.opened(Settings(home=home))
    data = datasets.add(opened, LOCAL_PERSON, "Answers", "a" * 64, 10).id
    starter = base_models.Source.STARTER
    model = base_models.add(opened, LOCAL_PERSON, "Starter", starter, "starter").id
    spec = RunSpec(name="Try", dataset_id=data, base_model_id=model)
    first = runs.add(opened, LOCAL_PERSON, spec).id
    with opened.write() as session:
        row = session.get_one(RunRow, first)
        row.status, row.step, row.total_steps = "finished", size.points // 4, size.points // 4
        row.started_at = row.ended_at = now()
        columns = {c.key: getattr(row, c.key) for c in RunRow.__mapper__.column_attrs}
        copies = [
            columns | {"id": ids.new("run"), "name": f"Try {n}", "request_key": None}
            for n in range(size.runs - 1)
        ]
        session.execute(insert(RunRow), copies)
        one = session.get_one(DatasetRow, data)
        columns = {c.key: getattr(one, c.key) for c in DatasetRow.__mapper__.column_attrs}
        more = [columns | {"id": ids.new("dataset")} for _ in range(size.datasets - 1)]
        session.execute(insert(DatasetRow), more)
    owners = [first, *(copy["id"] for copy in copies[:3])]  # the points of four runs
    for owner in owners:
        with opened.write() as session:
            points = [
                {"run_id": owner, "name": "loss", "step": n, "value": 1 / (n + 1), "at": 0.0}
                for n in range(size.points // 4)
            ]
            session.execute(insert(MetricPointRow), points)
    opened.close()
    return first


@pytest.fixture
def huge(tmp_path: Path) -> Iterator[tuple[str, WebProcess]]:
    """Return the run with a long curve, and a web process."""
    home = tmp_path / "home"
    home.mkdir()
    longest = fill(home, HUGE)
    web = WebProcess(home).start()
    yield longest, web
    web.end()


def took(web: WebProcess, path: str) -> float:
    """Return the seconds in which something is answered."""
    began = time.monotonic()
    web.page(path)
    return time.monotonic() - began


@pytest.mark.slow
def test_a_huge_history_keeps_no_page_waiting_and_takes_no_more_memory(
    huge: tuple[str, WebProcess],
) -> None:
    is_quick_and_small(*huge, HUGE)


def is_quick_and_small(longest: str, web: WebProcess, size: Size) -> None:
    """Read every page many times, then by twenty tabs; and see what that took."""
    places = [
        "/runs",
        "/data",
        "/api/v1/runs/lines",
        "/api/v1/runs?limit=100",
        "/api/v1/datasets",
        f"/run?run={longest}",
        f"/api/v1/runs/{longest}",
        f"/api/v1/runs/{longest}/curves",
    ]
    for path in places:
        web.page(path)  # the first time libraries are loaded
    p95 = {path: sorted(took(web, path) for _ in range(20))[18] for path in places}
    for path, seconds in p95.items():
        logging.info("%.3f s  %s", seconds, path.replace(longest, "ID"))
    assert max(p95.values()) < size.seconds
    drawn = web.get(f"/runs/{longest}/curves")
    assert 900 <= len(drawn["curves"]["loss"]["steps"]) <= 2000

    def read_all(_: int) -> None:
        for path in places[2:]:
            web.page(path)

    with ThreadPoolExecutor(20) as tabs:
        list(tabs.map(read_all, range(20 * size.rounds)))  # every thread has its memory by then
        before = web.memory
        list(tabs.map(read_all, range(20 * size.rounds)))
    grown = (web.memory - before) / MEGABYTE
    logging.info("twenty tabs, %d rounds: %.0f MB more", size.rounds, grown)
    assert grown < 50
