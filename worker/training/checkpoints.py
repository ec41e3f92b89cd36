"""Checkpoints of an attempt: sealed when whole, rotated by step, and gone on from."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from storage import artifacts, checkpoints
from storage.checkpoints import Checkpoint
from storage.errors import StudioError
from worker.export import plain
from worker.training.adapters import beginnings
from worker.training.job import Job
from worker.training.journal import journal

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes")
"""Another version of these may compute a little differently."""


@dataclass(frozen=True)
class Start:
    """Where an attempt starts: a whole checkpoint, or None: from the beginning."""

    checkpoint: Checkpoint | None

    @property
    def step(self) -> int:
        """Steps that already lie behind it."""
        return self.checkpoint.step if self.checkpoint else 0

    @property
    def folder(self) -> str | None:
        """Folder to resume from, as the trainer wants it."""
        return str(self.checkpoint.folder) if self.checkpoint else None


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what a step computes."""
    return {name: _version(name) for name in LIBRARIES}


@cache
def _version(library: str) -> str:
    """Looked up once: that reads a file of the library, and every checkpoint asks for it."""
    return version(library)


def find_start(job: Job) -> Start:
    """Return the newest whole checkpoint of the run; damaged ones are passed over and removed.

    Raises:
        StudioError: it belongs to other settings, other data or another base model.
    """
    for checkpoint in checkpoints.newest_first(job.run_folder):
        if checkpoints.is_whole(checkpoint):
            _require_same(job, checkpoint)
            return Start(checkpoint)
        journal.warning("checkpoint of step %d is damaged; passing it over", checkpoint.step)
        artifacts.remove(checkpoint.folder)
    return Start(None)


def clear_leftovers(job: Job, start: Start) -> None:
    """Remove what earlier attempts left half-done, and checkpoints beyond the start."""
    for folder in job.run_folder.glob(".working-*"):
        artifacts.remove(folder)
    folder_of_all = checkpoints.folder_of(job.run_folder)
    whole = {one.folder for one in checkpoints.newest_first(job.run_folder)}
    for folder in folder_of_all.glob("step-*"):
        if folder not in whole or _step(folder) > start.step:
            artifacts.remove(folder)
    halves = (".deleted-*", f".{beginnings.kept_in(job).name}.*", ".start.*")
    left = [path for pattern in halves for path in job.run_folder.glob(pattern)]
    for folder in (*left, *folder_of_all.glob(".deleted-*")):
        artifacts.remove(folder)


def seal(job: Job, folder: Path, step: int, eval_loss: float | None) -> Checkpoint:
    """Make a filled folder a checkpoint of the run: complete, on disk, vouched for.

    Args:
        job: the attempt that wrote it.
        folder: on the same volume as the run's folder; it is moved.
        step: steps behind it.
        eval_loss: of the evaluation at this very step, if there was one.

    Raises:
        FileNotFoundError: the trainer left out a file that a resumed run needs.
    """
    kind = job.spec.adapter
    missing = checkpoints.needed(kind, job.spec.processes) - {
        path.name for path in folder.iterdir()
    }
    if missing:
        raise FileNotFoundError(f"a checkpoint lacks {', '.join(sorted(missing))}")
    about = {
        "run_id": job.run.id,
        "step": step,
        "attempt": job.attempt,
        "eval_loss": eval_loss,
        "adapter": kind,
        "processes": job.spec.processes,
        **job.identity,
        "libraries": library_versions(),
    }
    if job.spec.adapter == "adalora" or initial_of(job) is not None:
        plain.write(folder, checkpoints.plain_in(folder), initial_of(job))
    target = checkpoints.folder_of(job.run_folder) / checkpoints.name_of(step, job.attempt)
    target.parent.mkdir(parents=True, exist_ok=True)
    artifacts.publish(folder, target, about)
    return Checkpoint(target, step, job.attempt, eval_loss, artifacts.size(target), about)


def initial_of(job: Job) -> Path | None:
    """Return the file with the factors that the adapter goes without when it is used, or None."""
    subtracted = job.spec.adapter == "lora" and job.spec.beginning in beginnings.SUBTRACTED
    return beginnings.kept_in(job) / beginnings.KEPT if subtracted else None


def rotate(job: Job) -> None:
    """Remove all but the newest checkpoints and the best; age is told by step, never by a clock."""
    there = checkpoints.newest_first(job.run_folder)
    kept = [*there[: job.spec.keep_checkpoints], checkpoints.best_of(there)]
    for checkpoint in there:
        if checkpoint not in kept:
            artifacts.remove(checkpoint.folder)


def discard(job: Job) -> None:
    """Remove every checkpoint and working folder of the run; its log stays."""
    artifacts.remove(checkpoints.folder_of(job.run_folder))
    artifacts.remove(beginnings.kept_in(job))
    artifacts.remove(job.run_folder / "start")
    for folder in job.run_folder.glob(".working-*"):
        artifacts.remove(folder)


def _step(folder: Path) -> int:
    return int(folder.name.split("-")[1])


def _require_same(job: Job, checkpoint: Checkpoint) -> None:
    words = {
        "spec": "settings",
        "dataset": "data",
        "base": "base model",
        "teacher": "teacher",
    }
    differs = job.difference(checkpoint.about)
    if differs is not None:
        raise StudioError(
            f"This run cannot go on: its {words[differs]} changed since step {checkpoint.step}.",
            "Duplicate the run to start it anew.",
        )
    before: dict[str, Any] = checkpoint.about.get("libraries", {})
    changed = [name for name, now in library_versions().items() if before.get(name) != now]
    if changed:
        journal.warning("%s changed; results may differ slightly", " and ".join(changed))
