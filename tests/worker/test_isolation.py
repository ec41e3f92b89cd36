"""A child has a session, an environment and a log of its own."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fakes import entries
from tests.fakes.studio_worker import until
from tests.worker.conftest import Parents, read
from worker import endings, isolation
from worker.entries import Entry


def described(parents: Parents, task: Any) -> dict[str, Any]:
    """Let a child describe itself."""
    assert parents.start(task).wait(60) == 0
    ending = endings.take(task.folder, 1)
    assert ending is not None
    return read(ending.words)


def test_a_child_knows_no_secret_and_stays_offline(
    parents: Parents, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "STUDIO_DATABASE_URL", "WANDB_API_KEY"):
        monkeypatch.setenv(name, "a secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    environment = described(parents, parents.task(entries.describe))["environment"]
    assert "a secret" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == "1"
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_only_a_child_that_downloads_is_online(
    parents: Parents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # as the worker itself has it
    environment = described(parents, parents.task(entries.describe, online=True))["environment"]
    assert "HF_HUB_OFFLINE" not in environment


def test_a_child_leads_its_own_session_and_is_the_first_to_go(parents: Parents) -> None:
    task = parents.task(entries.describe)
    facts = described(parents, task)
    assert facts["session"] == facts["pid"] != os.getsid(0)
    assert facts["folder"] == str(task.folder)
    assert int(facts["oom"]) >= 800


def test_everything_a_child_says_is_in_its_log_behind_a_header(parents: Parents) -> None:
    task = parents.task(entries.describe)
    task.folder.mkdir()
    task.log_file.write_text("from before\n")
    task.log_file.chmod(0o600)
    described(parents, task)
    lines = task.log_file.read_text().splitlines()
    assert lines[0] == "from before"
    assert lines[1].startswith("=== attempt 1, ")
    assert {"from the C library", "from Python"} <= set(lines[2:])
    assert stat.S_IMODE(task.log_file.stat().st_mode) == 0o600


def test_a_child_of_the_forkserver_dies_with_the_worker_however_that_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fakes.parent", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        until((tmp_path / "apart").exists)
        parent.kill()
    _, alive = psutil.wait_procs([child], timeout=10)
    for left in alive:
        left.kill()
    assert not alive


def test_a_child_begins_when_the_one_before_it_is_gone(parents: Parents) -> None:
    before = parents.task(entries.hang)
    first = parents.start(before)
    until((before.folder / "hangs").exists)
    after = replace(before, entry=Entry(entries.finish), attempt=2)
    second = parents.start(after)
    until(lambda: f"{isolation.HEADER}2" in after.log_file.read_text())
    assert second.wait(1) is None
    first.kill()
    assert second.wait(60) == 0
    assert "still_there" not in after.log_file.read_text()


def test_one_that_only_sleeps_is_not_waited_for_for_ever(parents: Parents) -> None:
    before = parents.task(entries.hang)
    parents.start(before)
    until((before.folder / "hangs").exists)
    after = replace(before, entry=Entry(entries.finish), attempt=2)
    assert parents.start(after).wait(60) == 0
    assert "an_earlier_attempt_is_still_there" in after.log_file.read_text()
