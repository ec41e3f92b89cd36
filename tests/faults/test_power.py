"""The power fails: what was not brought to disk is gone, and nothing that was acknowledged is."""

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from storage import artifacts, database, datasets
from storage.settings import Settings
from storage.shipped import PROJECT
from tests.fakes.file_events import FileEvents, Way, file_events

CUTS = [pytest.param(3, id="3"), pytest.param(200, marks=pytest.mark.slow, id="200")]

EVENTS = 200
"""File events among which a cut is chosen."""

DILIGENT = """
import os, sys
from pathlib import Path
from storage import artifacts, database, datasets
from storage.settings import Settings
opened = database.opened(Settings(home=Path(sys.argv[1])))
for number in range(1000):
    sha256 = f"{number:064d}"
    with artifacts.staged(Path(sys.argv[1]) / "datasets" / sha256) as staging:
        (staging / "rows.jsonl").write_text(f"row {number}\\n" * 50)
    found = datasets.add(opened, "anna", "Answers", sha256, number)
    os.write(1, f"{found.id} {sha256}\\n".encode())
"""

CARELESS = f"""
import os
from storage import database
os.fsync = lambda file: None
prepare = database._prepare_sqlite
def carelessly(connection, record):
    prepare(connection, record)
    connection.execute("PRAGMA synchronous=OFF").close()
database._prepare_sqlite = carelessly
{DILIGENT}"""


def acknowledged(script: str, home: Path, events: FileEvents, event: int) -> list[tuple[str, str]]:
    """Return what a process acknowledged before the power failed at that event."""
    shutil.copytree(home.with_name("fresh"), home)
    events.arm(event, Way.POWER)
    ended = subprocess.run(
        [sys.executable, "-c", script, str(home)],
        env={"PYTHONPATH": str(PROJECT), "PATH": os.defpath, **events.environment},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert events.has_cut, ended.stderr
    assert ended.returncode < 0, "the fault did not happen"
    told = (line.split() for line in ended.stdout.splitlines())
    return [(identifier, sha256) for identifier, sha256 in told]


def lost(home: Path, told: list[tuple[str, str]]) -> list[str]:
    """Return what was acknowledged and is not there any more, or not whole."""
    (home / "studio.db-shm").unlink(missing_ok=True)  # memory: a power failure takes it along
    opened = database.opened(Settings(home=home))
    with opened.read() as session:
        assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    there = {one.id for one in datasets.all_of(opened, "anna")}
    opened.close()
    missing = [identifier for identifier, _ in told if identifier not in there]
    for _, sha256 in told:
        try:
            artifacts.verify(home / "datasets" / sha256)
        except artifacts.Damaged:
            missing.append(sha256)
    for folder in (home / "datasets").glob("0*"):
        artifacts.verify(folder)  # whatever has its name is whole
    return missing


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> FileEvents:
    """Return what counts the events of all files of the homes."""
    folder = tmp_path_factory.mktemp("power")
    return file_events(folder, folder / "homes")


@pytest.fixture(scope="module")
def homes(events: FileEvents) -> Path:
    """Return the folder of the homes, with a fresh one in it."""
    (events.below / "fresh").mkdir(parents=True)
    database.opened(Settings(home=events.below / "fresh")).close()
    return events.below


@pytest.mark.parametrize("cuts", CUTS)
def test_nothing_that_was_acknowledged_is_lost_when_the_power_fails(
    homes: Path, events: FileEvents, cuts: int
) -> None:
    promised = 0
    for number in range(cuts):
        home = homes / f"{cuts}-{number}"
        told = acknowledged(DILIGENT, home, events, 20 + number * EVENTS // cuts)
        promised += len(told)
        assert lost(home, told) == []
    assert promised > cuts
    logging.info("%d cuts, %d acknowledged, none lost", cuts, promised)


def test_a_process_that_brings_nothing_to_disk_loses_what_it_acknowledged(
    homes: Path, events: FileEvents
) -> None:
    home = homes / "careless"
    told = acknowledged(CARELESS, home, events, EVENTS)
    with pytest.raises((artifacts.Damaged, AssertionError)):
        assert lost(home, told) == []
