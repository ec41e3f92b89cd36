"""Two processes learn what one does, save what one does, and stop and go on like one."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file

from storage import artifacts, attempts, events, probes, runs
from storage.runs import Run
from tests.fakes.judged_rows import pairs
from tests.fakes.training_home import Rows, TrainingHome, conversations

ASKED = ("What about 3?", "Pills")

CURVES = ("loss", "eval_loss", "grad_norm", "tokens")

LONG: dict[str, Any] = {
    "max_steps": 6,
    "accumulation": 2,
    "dropout": 0.1,
    "packing": True,
    "eval_every": 2,
    "processes": 2,
}
"""Everything that carries state from one step to the next, over several readings of the data."""

NewHome = Callable[[], TrainingHome]
Curves = dict[str, dict[int, float | None]]


def queued(home: TrainingHome, model: Path, rows: Rows, **changes: Any) -> Run:
    return home.queue(home.dataset(rows), home.base_model(model), **changes)


def trained(home: TrainingHome, model: Path, rows: Rows, **changes: Any) -> Run:
    run = queued(home, model, rows, **changes)
    finish(home)
    return home.run(run.id)


def finish(home: TrainingHome) -> None:
    _, process = home.start()
    process.join(120)
    assert process.exitcode == 0


def weights(home: TrainingHome, run: Run) -> dict[str, torch.Tensor]:
    path = home.adapter_folder(run.id) / "adapter_model.safetensors"
    found: dict[str, torch.Tensor] = load_file(path)
    return found


def answers(home: TrainingHome, run: Run) -> dict[tuple[int, int], str]:
    """Return what a run answered on its way, by step and question."""
    found = probes.of(home.database, run.id)
    return {(answer.step, answer.prompt): answer.answer for answer in found}


def curves(home: TrainingHome, run: Run) -> Curves:
    return {name: home.curve(run.id, name) for name in CURVES}


def end(home: TrainingHome, run: Run) -> tuple[str, Curves]:
    """Return all that two ends of the same run have in common, to the last bit."""
    folder = home.adapter_folder(run.id)
    return artifacts.sha256(folder / "adapter_model.safetensors"), curves(home, run)


SFT = (conversations(37), {"packing": True})
"""Rows that leave some over at the end of a reading, and of the exam."""
DPO = (pairs(37), {"method": "dpo", "max_length": 128})
ORDERS: dict[str, tuple[Rows, dict[str, Any]]] = {"sft": SFT, "dpo": DPO}


PAIRS = [
    ("sft", "ddp"),
    ("dpo", "fsdp"),
    pytest.param("sft", "fsdp", marks=pytest.mark.slow),
    pytest.param("dpo", "ddp", marks=pytest.mark.slow),
]
"""Each recipe and each way of sharing; which of them meet makes no difference to either."""


@pytest.fixture(scope="module")
def alone(
    request: pytest.FixtureRequest, llama: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TrainingHome, Run, str]]:
    """Return a run of one process with twice the accumulation, and what it learned from."""
    home = TrainingHome.make(tmp_path_factory.mktemp("alone"))
    rows, changes = ORDERS[request.param]
    changes = {"accumulation": 2, "probe_prompts": ASKED, **changes}
    yield home, trained(home, llama, rows, **changes), request.param
    home.database.close()


@pytest.mark.parametrize(("alone", "sharding"), PAIRS, indirect=["alone"], scope="module")
def test_two_learn_what_one_does_with_twice_the_accumulation(
    home: TrainingHome, llama: Path, alone: tuple[TrainingHome, Run, str], sharding: str
) -> None:
    other, one, method = alone
    rows, changes = ORDERS[method]
    changes = {"processes": 2, "sharding": sharding, "probe_prompts": ASKED, **changes}
    two = trained(home, llama, rows, **changes)
    for name, expected in curves(other, one).items():
        assert home.curve(two.id, name) == pytest.approx(expected, rel=1e-5), name
    learned = weights(other, one)
    for name, found in weights(home, two).items():
        torch.testing.assert_close(found, learned.pop(name), rtol=1e-3, atol=1e-5)
    assert not learned
    assert (two.facts or {})["processes"] == f"2 ({sharding.upper()})"
    assert two.step == two.total_steps == 4
    said, expected_said = answers(home, two), answers(other, one)
    assert said.keys() == expected_said.keys() >= {(0, 0), (0, 1), (4, 0), (4, 1)}
    assert all(said[0, number] == expected_said[0, number] for number in range(2))


def test_where_nothing_improves_all_end_early_after_the_same_step(
    home: TrainingHome, llama: Path
) -> None:
    settings = {"learning_rate": 1e-12, "eval_every": 1, "early_stopping": 2, "processes": 2}
    run = trained(home, llama, conversations(12), max_steps=40, **settings)
    assert list(home.curve(run.id, "eval_loss")) == list(range(1, run.step + 1))
    assert run.step < 40
    (told,) = [one for one in events.of(home.database, run.id) if one.kind == "early_stop"]
    assert told.details == {"step": run.step, "best_step": run.best_step, "exams": 2}


@pytest.fixture(scope="module")
def undisturbed(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Curves]:
    """Return the end of the run of two processes that nobody disturbed."""
    home = TrainingHome.make(tmp_path_factory.mktemp("undisturbed"))
    return end(home, trained(home, llama, conversations(20), **LONG))


def members(process: BaseProcess) -> list[psutil.Process]:
    return psutil.Process(process.pid).children()


def wait_for_step(home: TrainingHome, run: Run, step: int) -> None:
    until = time.monotonic() + 60
    while home.run(run.id).step < step:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_where_one_is_killed_the_attempt_ends_and_goes_on_bit_for_bit(
    home: TrainingHome, llama: Path, undisturbed: tuple[str, Curves]
) -> None:
    run = queued(home, llama, conversations(20), **LONG)
    claimed, process = home.start()
    wait_for_step(home, run, 3)
    first, second = members(process)
    second.kill()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL, "the attempt ends as a crash does"
    assert not first.is_running(), "nobody is left waiting"
    attempts.put_back(home.database, run.id, claimed.attempt, "killed")
    newest = home.checkpoints(run.id)[0]
    assert {f"rng_state_{n}.pth" for n in range(2)} <= {
        path.name for path in newest.folder.glob("*")
    }
    finish(home)
    assert end(home, run) == undisturbed
    resumed = [attempt["resumed_step"] for attempt in runs.attempts(home.database, run.id)]
    assert resumed == [0, newest.step]


def test_asked_to_shut_down_a_divided_model_is_saved_and_goes_on_bit_for_bit(
    new_home: NewHome, llama: Path
) -> None:
    settings = {**LONG, "sharding": "fsdp"}
    reference = new_home()
    expected = end(reference, trained(reference, llama, conversations(20), **settings))
    home = new_home()  # asked on its way, which leaves no trace
    run = queued(home, llama, conversations(20), **settings, probe_prompts=ASKED)
    claimed, process = home.start()
    wait_for_step(home, run, 2)
    os.kill(process.pid or 0, signal.SIGTERM)
    process.join(30)
    assert process.exitcode == 0
    saved = home.checkpoints(run.id)[0].step
    assert 2 <= saved < 6
    attempts.release(home.database, run.id, claimed.attempt)
    finish(home)
    assert end(home, run) == expected
