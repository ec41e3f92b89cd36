"""A run that was killed, or asked to pause, ends bit for bit like one that was left alone."""

import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from storage import artifacts, attempts, metrics, runs
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from storage.runs import Run
from storage.status import RunStatus, StopRequest
from tests.fakes.training_home import TrainingHome, conversations

LONG = {
    "max_steps": 14,
    "accumulation": 2,
    "dropout": 0.1,
    "packing": True,
    "eval_every": 3,
    "early_stopping": 3,
    "keep_checkpoints": 2,
}
"""Everything that carries state from one step to the next, over several readings of the data."""

NewHome = Callable[[], TrainingHome]


def queued(home: TrainingHome, model: Path, **changes: object) -> Run:
    data, base = home.dataset(conversations(30)), home.base_model(model)
    return home.queue(data, base, **{**LONG, **changes})


def weights(home: TrainingHome, run_id: str) -> str:
    return artifacts.sha256(home.adapter_folder(run_id) / "adapter_model.safetensors")


def values(home: TrainingHome, run_id: str) -> dict[str, dict[int, float | None]]:
    names = ("loss", "eval_loss", "learning_rate", "grad_norm")
    return {name: home.curve(run_id, name) for name in names}


def kill_when(
    home: TrainingHome, started: tuple[Run, BaseProcess], moment: Callable[[], bool]
) -> bool:
    """Kill the child with SIGKILL as soon as the moment has come; tells whether it came."""
    run, process = started
    while process.is_alive():
        if moment():
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
            attempts.put_back(home.database, run.id, run.attempt, "killed")
            return True
        time.sleep(0.01)
    process.join()
    return False


@pytest.fixture(scope="module")
def reference(
    llama: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, dict[int, float | None]]]:
    """Return the adapter's hash and the curves of the run that nobody disturbed."""
    home = TrainingHome.make(tmp_path_factory.mktemp("undisturbed"))
    run = queued(home, llama)
    started, process = home.start()
    process.join()
    assert (started.id, process.exitcode) == (run.id, 0)
    curves = values(home, run.id)
    assert list(curves["loss"]) == list(range(1, 15))
    assert list(curves["eval_loss"]) == [3, 6, 9, 12, 14]
    return weights(home, run.id), curves


@pytest.mark.parametrize("steps", [(1, 8), (4, 11)])
def test_killed_at_any_step_it_ends_bit_for_bit_the_same(
    home: TrainingHome, llama: Path, reference: tuple[str, dict], steps: tuple[int, int]
) -> None:
    run = queued(home, llama)
    for step in steps:
        assert kill_when(home, home.start(), lambda step=step: home.run(run.id).step >= step)
    assert home.start()[1].join() is None
    assert (weights(home, run.id), values(home, run.id)) == reference
    resumed = [attempt["resumed_step"] for attempt in runs.attempts(home.database, run.id)]
    assert resumed == [0, *sorted(resumed[1:])]
    assert resumed[-1] > 0


def test_killed_while_it_saves_it_ends_bit_for_bit_the_same(
    home: TrainingHome, llama: Path, reference: tuple[str, dict]
) -> None:
    run = queued(home, llama)
    folder = home.files.run(run.id)

    def is_saving() -> bool:
        return bool(list(folder.glob(".working-*/checkpoint-6/adapter_*")))

    assert kill_when(home, home.start(), is_saving)
    torn = list(folder.glob(".working-1/checkpoint-*"))
    assert torn, "the fault did not happen: nothing was half-written"
    assert home.start()[1].join() is None
    assert (weights(home, run.id), values(home, run.id)) == reference
    assert not list(folder.glob(".working-*"))


def test_asked_to_shut_down_it_saves_after_the_step_and_goes_on_the_same(
    home: TrainingHome, llama: Path, reference: tuple[str, dict]
) -> None:
    run = queued(home, llama)
    claimed, process = home.start()
    while home.run(run.id).step < 4:
        time.sleep(0.01)
    os.kill(process.pid or 0, signal.SIGTERM)
    process.join()
    assert process.exitcode == 0
    saved = home.checkpoints(run.id)[0].step
    assert 4 <= saved < 14
    assert max(home.curve(run.id, "loss")) == saved
    attempts.release(home.database, run.id, claimed.attempt)
    assert home.start()[1].join() is None
    assert (weights(home, run.id), values(home, run.id)) == reference


def test_stopped_and_resumed_by_a_person_it_ends_the_same(
    home: TrainingHome, llama: Path, reference: tuple[str, dict]
) -> None:
    run = queued(home, llama)
    claimed, process = home.start()
    while home.run(run.id).step < 4:
        time.sleep(0.01)
    runs.request_stop(home.database, LOCAL_PERSON, run.id, StopRequest.KEEP)
    process.join()
    assert home.adapter_folder(run.id).is_dir()
    attempts.end(home.database, run.id, claimed.attempt, RunStatus.STOPPED, "as asked")
    runs.resume(home.database, LOCAL_PERSON, run.id)
    assert home.start()[1].join() is None
    assert (weights(home, run.id), values(home, run.id)) == reference


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    home: TrainingHome, llama: Path, reference: tuple[str, dict]
) -> None:
    run = queued(home, llama)
    assert kill_when(home, home.start(), lambda: home.run(run.id).checkpoint_step >= 6)
    newest, before = home.checkpoints(run.id)[:2]
    flip_a_bit(newest.folder / "optimizer.pt")
    assert home.start()[1].join() is None
    resumed = [attempt["resumed_step"] for attempt in runs.attempts(home.database, run.id)]
    assert resumed == [0, before.step]
    assert (weights(home, run.id), values(home, run.id)) == reference


def test_killed_after_the_last_step_it_only_writes_the_adapter(
    home: TrainingHome, llama: Path, reference: tuple[str, dict]
) -> None:
    run = queued(home, llama)
    assert kill_when(home, home.start(), lambda: home.run(run.id).checkpoint_step == 14)
    assert home.start()[1].join() is None
    assert (weights(home, run.id), values(home, run.id)) == reference


def test_a_run_whose_base_model_changed_cannot_go_on(home: TrainingHome, llama: Path) -> None:
    run = queued(home, llama, max_steps=2)
    first, _ = home.train()
    attempts.end(home.database, run.id, first.attempt, RunStatus.STOPPED, "as asked")
    rewrite_manifest(home.checkpoints(run.id)[0].folder)
    runs.resume(home.database, LOCAL_PERSON, run.id)
    with pytest.raises(StudioError, match="its base model changed since step 2"):
        home.train()


def test_points_after_the_checkpoint_are_gone_before_a_new_attempt_writes(
    home: TrainingHome, llama: Path
) -> None:
    run = queued(home, llama)
    assert kill_when(home, home.start(), lambda: home.run(run.id).step >= 8)
    claimed = home.claim()
    metrics.resume_from(home.database, run.id, claimed.attempt, 6)
    assert max(home.curve(run.id, "loss")) == 6


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewrite_manifest(folder: Path) -> None:
    """Seal a checkpoint again as one of another base model."""
    about = {**artifacts.read_manifest(folder)["about"], "base": "0" * 64}
    (folder / artifacts.MANIFEST).unlink()
    moved = folder.rename(folder.with_name("resealed"))
    artifacts.publish(moved, folder, about)
