"""Many processes at one database: nothing is done twice, nothing is lost, nobody is turned away."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from storage import runs
from storage.database import Database
from storage.settings import Settings
from storage.shipped import PROJECT
from storage.tables import MetricPointRow, Table

pytestmark = pytest.mark.timeout(3600)  # many processes on a busy machine

RACERS = Path(__file__).with_name("racers.py")


def race(kind: str, home: Path, racers: int, turns: int = 0) -> list[list[str]]:
    """Return what each of the racers returned."""
    process = subprocess.Popen(**command(kind, home, racers, turns))
    told, said = process.communicate(timeout=3000)
    assert (process.returncode, said) == (0, ""), said
    return [json.loads(line) for line in told.splitlines()]


def command(kind: str, home: Path, racers: int, turns: int) -> dict[str, Any]:
    """Return how the racers are started."""
    return {
        "args": [sys.executable, str(RACERS), kind, str(home), str(racers), str(turns)],
        "env": {"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


CLAIMS = [(8, 200), pytest.param(16, 10_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("racers", "waiting"), CLAIMS)
def test_workers_who_race_claim_each_run_exactly_once(
    story: Any, racers: int, waiting: int
) -> None:
    first = story.queued()
    ids_ = {first.id}
    for _ in range(waiting - 1):
        ids_.add(story.again(first.dataset_id, first.base_model_id).id)
    claimed = [run for racer in race("claim", story.home, racers) for run in racer]
    assert len(claimed) == waiting
    assert set(claimed) == ids_
    assert all(run.attempt == 1 for run in runs.all_of(story.database, "anna"))


@pytest.mark.parametrize(
    ("writes", "p99"), [(25, 60.0), pytest.param(3000, 0.25, marks=pytest.mark.slow)]
)
def test_eight_trainings_and_twenty_tabs_lose_no_point_and_wait_no_longer_than_promised(
    story: Any, writes: int, p99: float
) -> None:
    run = story.running()
    tabs = subprocess.Popen(**command("look", story.home, 1, 0))
    took = sorted(float(each) for racer in race("write", story.home, 8, writes) for each in racer)
    (story.home / "enough").touch()
    _, complaints = tabs.communicate(timeout=240)
    assert (tabs.returncode, complaints) == (0, "")
    assert len(took) == 8 * writes
    assert took[int(len(took) * 0.99)] < p99
    with story.database.read() as session:
        assert session.query(MetricPointRow).filter_by(run_id=run.id).count() == 8 * writes


def test_four_writers_who_read_before_they_write_lose_no_update(story: Any) -> None:
    run = story.queued()
    assert race("count", story.home, 4, turns=100) == [[]] * 4
    assert runs.get(story.database, "anna", run.id).total_steps == 400


def test_ten_processes_open_a_fresh_home_at_once_and_all_see_one_schema(tmp_path: Path) -> None:
    versions = race("open", tmp_path, 10)
    assert versions == [versions[0]] * 10
    assert len(versions[0]) == 1
    opened = Database(Settings(home=tmp_path).database)
    assert set(inspect(opened.engine).get_table_names()) - {"alembic_version"} == set(
        Table.metadata.tables
    )
    opened.close()
