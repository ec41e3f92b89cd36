"""What a run learns from or builds on changed: it is refused with the reason."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from storage import attempts, runs
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from storage.status import RunStatus
from tests.fakes.training_home import TrainingHome, conversations


def flip_a_bit(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def train_further(path: Path) -> None:
    """Change every number a little; names, shapes and sizes stay."""
    weights = {name: tensor * 1.001 for name, tensor in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})


Change = Callable[[Path, Path], object]
"""What befalls the folder of the rows, or of the base model."""

CHANGES: dict[str, tuple[Change, str]] = {
    "a bit of the rows is flipped": (
        lambda rows, model: flip_a_bit(rows / "rows.jsonl"),
        r"The data Answers is not what it was when it was read: rows is damaged: rows\.jsonl",
    ),
    "a file of the rows is gone": (
        lambda rows, model: (rows / "rows.idx").unlink(),
        r"The data Answers is not what it was .* rows\.idx is missing",
    ),
    "the rows are gone": (
        lambda rows, model: shutil.rmtree(rows),
        r"The data Answers is not what it was when it was read: rows is not complete",
    ),
    "the base model was trained further": (
        lambda rows, model: train_further(model / "model.safetensors"),
        r"The files of the base model \S+ changed since it was brought in: /",
    ),
    "the base model's vocabulary changed": (
        lambda rows, model: flip_a_bit(model / "tokenizer.json"),
        r"The files of the base model \S+ changed",
    ),
    "the base model's weights are gone": (
        lambda rows, model: (model / "model.safetensors").unlink(),
        r"The files of the base model \S+ changed",
    ),
    "the base model is gone": (
        lambda rows, model: shutil.rmtree(model),
        r"The folder of the base model \S+ is gone: /",
    ),
}


@pytest.fixture
def model(llama: Path, tmp_path: Path) -> Path:
    """Return a copy of a base model that a test may harm."""
    return Path(shutil.copytree(llama, tmp_path / "model"))


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_changed_before_the_start_refuses_the_run_with_the_reason(
    home: TrainingHome, model: Path, change: str
) -> None:
    run = home.queue(home.dataset(conversations(10)), home.base_model(model))
    befall, words = CHANGES[change]
    (rows,) = home.home.glob("datasets/*/rows")
    befall(rows, model)
    with pytest.raises(StudioError, match=words) as refused:
        home.train()
    assert "uplicate the run" in refused.value.hint
    assert home.run(run.id).step == 0


def test_a_base_model_put_back_between_stop_and_resume_lets_the_run_go_on(
    home: TrainingHome, model: Path
) -> None:
    run = home.queue(home.dataset(conversations(10)), home.base_model(model), max_steps=2)
    stopped, _ = home.train()
    attempts.end(home.database, run.id, stopped.attempt, RunStatus.STOPPED, "as asked")
    away = model.rename(model.with_name("away"))
    runs.resume(home.database, LOCAL_PERSON, run.id)
    with pytest.raises(StudioError, match="is gone"):
        home.train()
    attempts.end(home.database, run.id, 2, RunStatus.FAILED, "its base model is gone")
    away.rename(model)
    runs.resume(home.database, LOCAL_PERSON, run.id)
    assert home.train()[1].status is RunStatus.FINISHED
