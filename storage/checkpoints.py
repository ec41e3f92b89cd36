"""Checkpoints of a run: which there are, which is best, and which are whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import artifacts

_STATE = frozenset({"optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"})

_OF_AN_ADAPTER = _STATE | {"adapter_config.json", "adapter_model.safetensors"}

_PLAIN = Path("plain") / "adapter"
"""Two folders deep: the trainer takes a folder of a checkpoint with weights for an adapter."""

REQUIRED: dict[str, frozenset[str]] = {
    "lora": _OF_AN_ADAPTER,
    "adalora": _OF_AN_ADAPTER | {"allocator.safetensors"},
    "ia3": _OF_AN_ADAPTER,
    "full": _STATE | {"config.json", "model.safetensors", "tokenizer_config.json"},
}
"""By what learns; without one of these a run would go on silently differently, or not at all."""


def needed(adapter: str, processes: int) -> frozenset[str]:
    """Return the files of a checkpoint that so many processes wrote: each its own random state."""
    files = REQUIRED[adapter]
    if processes > 1:
        files -= {"rng_state.pth"}
        files |= {f"rng_state_{number}.pth" for number in range(processes)}
    return files


@dataclass(frozen=True)
class Checkpoint:
    """A saved state of a run; see `usable` for what can be done with it besides going on.

    Attributes:
        folder: where its files are.
        step: how many optimizer steps lie behind it.
        attempt: the attempt that wrote it.
        eval_loss: the loss of the evaluation at that step; None where there was none.
        bytes: size of all its files.
        about: what else its manifest says (spec, data and base model it belongs to, versions).
    """

    folder: Path
    step: int
    attempt: int
    eval_loss: float | None
    bytes: int
    about: dict[str, Any]


def folder_of(run_folder: Path) -> Path:
    """Return the folder below a run's folder that holds its checkpoints."""
    return run_folder / "checkpoints"


def name_of(step: int, attempt: int) -> str:
    """Return the folder name of a checkpoint; names sort by step, then attempt."""
    return f"step-{step:08d}-attempt-{attempt}"


def newest_first(run_folder: Path) -> list[Checkpoint]:
    """Return a run's checkpoints by step, newest first; one that is not complete is left out.

    Completeness is judged by the manifest's names and sizes, which is quick; `whole` reads all.
    """
    folders = sorted(folder_of(run_folder).glob("step-*"), reverse=True)
    found = [checkpoint for folder in folders if (checkpoint := _read(folder))]
    return sorted(found, key=lambda one: (one.step, one.attempt), reverse=True)


def best_of(checkpoints: list[Checkpoint]) -> Checkpoint | None:
    """Return the checkpoint with the lowest evaluation loss, else the newest, else None."""
    judged = [one for one in checkpoints if one.eval_loss is not None]
    if judged:
        return min(judged, key=lambda one: (one.eval_loss, one.step))
    return max(checkpoints, key=lambda one: one.step, default=None)


def is_whole(checkpoint: Checkpoint) -> bool:
    """Tell whether every file of a checkpoint is there with the content its manifest names."""
    try:
        manifest = artifacts.verify(checkpoint.folder)
    except artifacts.Damaged:
        return False
    there = {entry["name"] for entry in manifest["files"]}
    about = manifest["about"]
    return there >= needed(about.get("adapter", "lora"), about.get("processes", 1))


def usable(folder: Path) -> Path:
    """Return the folder of what a checkpoint can be used as, over the original base model.

    An adapter in PEFT's layout or, where all of the model learned, a complete model. Some adapters
    learn in a form that fits a changed base model only; those checkpoints hold a plain one too.
    """
    return plain_in(folder) if plain_in(folder).is_dir() else folder


def plain_in(folder: Path) -> Path:
    """Return where a checkpoint holds the plain form of its adapter, if it has one of its own."""
    return folder / _PLAIN


def is_model(folder: Path) -> bool:
    """Tell whether a folder is a complete model, and no adapter."""
    return not (folder / "adapter_config.json").is_file() and (folder / "config.json").is_file()


def _read(folder: Path) -> Checkpoint | None:
    try:
        manifest = artifacts.read_manifest(folder)
        about, files = manifest["about"], manifest["files"]
        if not all(_has_size(folder / entry["name"], entry["size"]) for entry in files):
            return None
        total = sum(entry["size"] for entry in files)
        return Checkpoint(folder, about["step"], about["attempt"], about["eval_loss"], total, about)
    except (artifacts.Damaged, KeyError, TypeError):
        return None


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
