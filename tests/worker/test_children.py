"""Children are started, waited for, asked to end, and killed."""

import subprocess
import sys
import time

import psutil

from tests.fakes import entries
from tests.fakes.studio_worker import until
from tests.worker.conftest import Parents
from worker import endings


def test_a_child_that_ends_well_leaves_its_ending(parents: Parents) -> None:
    task = parents.task(entries.finish)
    assert parents.start(task).wait(60) == 0
    ending = endings.take(task.folder, 1)
    assert ending is not None
    assert (ending.status, ending.words) == ("finished", "Done.")


def test_waiting_gives_up_while_the_child_lives(parents: Parents) -> None:
    child = parents.start(parents.task(entries.hang))
    began = time.monotonic()
    assert child.wait(0.2) is None
    assert time.monotonic() - began < 5


def test_a_child_that_is_asked_saves_and_ends(parents: Parents) -> None:
    task = parents.task(entries.save_when_told)
    child = parents.start(task)
    until((task.folder / "listens").exists)
    child.ask()
    assert child.wait(20) == 0
    ending = endings.take(task.folder, 1)
    assert ending is not None
    assert ending.status == "queued"


def test_a_child_that_does_not_listen_can_be_killed(parents: Parents) -> None:
    task = parents.task(entries.hang)
    child = parents.start(task)
    until((task.folder / "hangs").exists)
    child.ask()
    assert child.wait(0.5) is None
    child.kill()
    assert child.wait(20) == -9
    assert not psutil.pid_exists(child.pid)
    assert endings.take(task.folder, 1) is None
    child.kill()  # once more does nothing


def test_a_superseded_child_says_nothing_and_ends_with_its_own_code(parents: Parents) -> None:
    task = parents.task(entries.be_superseded)
    assert parents.start(task).wait(60) == 75
    assert endings.take(task.folder, 1) is None


def test_a_bug_in_a_child_is_told_with_an_id_that_stands_in_its_log(parents: Parents) -> None:
    task = parents.task(entries.stumble)
    assert parents.start(task).wait(60) == 0
    ending = endings.take(task.folder, 1)
    assert ending is not None
    assert ending.error_id in ending.words
    log = task.log_file.read_text()
    assert ending.error_id in log
    assert "nobody foresaw this" in log


def test_the_worker_process_never_loads_torch() -> None:
    script = "import sys, worker.__main__; print([m for m in %r if m in sys.modules])"
    heavy = ["torch", "transformers", "trl", "peft", "datasets", "gradio", "huggingface_hub"]
    answer = subprocess.run(
        [sys.executable, "-c", script % (heavy,)], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
