"""Checkpoints: listed by step, judged by loss, and never trusted when damaged."""

from pathlib import Path

import pytest

from storage import artifacts, checkpoints
from storage.checkpoints import REQUIRED, Checkpoint


def saved(run: Path, step: int, eval_loss: float | None = None, attempt: int = 1) -> Checkpoint:
    """Return one of the first version of the studio, which did not say what had learned: LoRA."""
    about = {"step": step, "attempt": attempt, "eval_loss": eval_loss}
    folder = checkpoints.folder_of(run) / checkpoints.name_of(step, attempt)
    with artifacts.staged(folder, about) as staging:
        for name in REQUIRED["lora"]:
            (staging / name).write_bytes(f"{name} of {step}".encode())
    return next(one for one in checkpoints.newest_first(run) if one.folder == folder)


def test_a_run_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert checkpoints.newest_first(tmp_path) == []
    assert checkpoints.best_of([]) is None


def test_newest_is_the_highest_step_whatever_the_clock_says(tmp_path: Path) -> None:
    for step in (100, 9, 20):
        saved(tmp_path, step)
    saved(tmp_path, 20, attempt=3)
    found = [(one.step, one.attempt) for one in checkpoints.newest_first(tmp_path)]
    assert found == [(100, 1), (20, 3), (20, 1), (9, 1)]


def test_the_best_has_the_lowest_loss_and_the_earlier_wins(tmp_path: Path) -> None:
    for step, loss in ((1, 3.0), (2, 1.5), (3, 1.5), (4, None)):
        saved(tmp_path, step, loss)
    best = checkpoints.best_of(checkpoints.newest_first(tmp_path))
    assert best is not None
    assert best.step == 2


def test_without_exams_the_newest_is_the_best(tmp_path: Path) -> None:
    for step in (1, 2):
        saved(tmp_path, step)
    best = checkpoints.best_of(checkpoints.newest_first(tmp_path))
    assert best is not None
    assert best.step == 2


def test_one_whose_manifest_is_missing_or_whose_file_is_short_is_not_listed(tmp_path: Path) -> None:
    whole, torn, bare = saved(tmp_path, 1), saved(tmp_path, 2), saved(tmp_path, 3)
    (torn.folder / "optimizer.pt").write_bytes(b"short")
    (bare.folder / artifacts.MANIFEST).unlink()
    assert checkpoints.newest_first(tmp_path) == [whole]


@pytest.mark.parametrize("name", sorted(REQUIRED["lora"]))
def test_a_flipped_bit_in_any_file_is_found(tmp_path: Path, name: str) -> None:
    checkpoint = saved(tmp_path, 1)
    assert checkpoints.is_whole(checkpoint)
    content = bytearray((checkpoint.folder / name).read_bytes())
    content[0] ^= 1
    (checkpoint.folder / name).write_bytes(content)
    assert checkpoints.newest_first(tmp_path) == [checkpoint]
    assert not checkpoints.is_whole(checkpoint)


@pytest.mark.parametrize(
    ("adapter", "needed"),
    [
        ("lora", "rng_state.pth"),
        ("ia3", "adapter_model.safetensors"),
        ("adalora", "allocator.safetensors"),
        ("full", "model.safetensors"),
    ],
)
def test_one_that_lacks_a_file_that_its_kind_needs_is_not_whole(
    tmp_path: Path, adapter: str, needed: str
) -> None:
    for step, names in ((5, REQUIRED[adapter] - {needed}), (6, REQUIRED[adapter])):
        folder = checkpoints.folder_of(tmp_path) / checkpoints.name_of(step, 1)
        about = {"step": step, "attempt": 1, "eval_loss": None, "adapter": adapter}
        with artifacts.staged(folder, about) as staging:
            for name in names:
                (staging / name).write_bytes(b"x")
    found = {one.step: checkpoints.is_whole(one) for one in checkpoints.newest_first(tmp_path)}
    assert found == {6: True, 5: False}


@pytest.mark.parametrize("written", [1, 2, 3])
def test_each_of_several_processes_leaves_its_own_random_state(
    tmp_path: Path, written: int
) -> None:
    about = {"step": 1, "attempt": 1, "eval_loss": None, "adapter": "lora", "processes": 3}
    states = {f"rng_state_{number}.pth" for number in range(written)}
    with artifacts.staged(checkpoints.folder_of(tmp_path) / "step-1", about) as staging:
        for name in (REQUIRED["lora"] - {"rng_state.pth"}) | states:
            (staging / name).write_bytes(b"x")
    assert checkpoints.is_whole(checkpoints.newest_first(tmp_path)[0]) is (written == 3)


def test_a_plain_form_is_what_a_checkpoint_is_used_as(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, 1)
    assert checkpoints.usable(checkpoint.folder) == checkpoint.folder
    checkpoints.plain_in(checkpoint.folder).mkdir(parents=True)
    assert checkpoints.usable(checkpoint.folder) == checkpoints.plain_in(checkpoint.folder)
