"""Many processes at one database: nothing is done twice, nothing is lost, nobody is turned away."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from storage import runs
from storage.database import Database
from storage.settings import Settings
from storage.shipped import PROJECT
from storage.tables import Table

RACERS = Path(__file__).with_name("racers.py")


def race(kind: str, home: Path, racers: int, turns: int = 0) -> list[list[str]]:
    """Return what each of the racers returned."""
    ended = subprocess.run(
        [sys.executable, str(RACERS), kind, str(home), str(racers), str(turns)],
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_eight_workers_claim_two_hundred_runs_each_exactly_once(story: Any) -> None:
    first = story.queued()
    waiting = {first.id}
    for _ in range(199):
        waiting.add(story.again(first.dataset_id, first.base_model_id).id)
    claimed = [run for racer in race("claim", story.home, 8) for run in racer]
    assert len(claimed) == 200
    assert set(claimed) == waiting
    assert all(run.attempt == 1 for run in runs.all_of(story.database, "anna"))


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
