"""Stopping early: the exams of a run, and whether they have stopped improving."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Exam:
    """An exam: the step it was held after, and its loss."""

    step: int
    loss: float


def exams_in(history: list[dict[str, Any]]) -> list[Exam]:
    """Return the exams in a trainer's history, in order."""
    return [Exam(entry["step"], entry["eval_loss"]) for entry in history if "eval_loss" in entry]


def counted(exams: list[Exam], since: int) -> list[Exam]:
    """Return the exams that patience counts: those after a step, and the best one until then.

    A course that is made longer begins with new patience, but still has to become better.
    """
    before = [exam for exam in exams if exam.step <= since]
    return [*sorted(before, key=lambda exam: exam.loss)[:1], *exams[len(before) :]]


def best_of(exams: list[Exam]) -> Exam:
    """Return the exam with the lowest loss, of equals the first."""
    return min(exams, key=lambda exam: exam.loss)


def is_exhausted(exams: list[Exam], patience: int) -> bool:
    """Tell whether the last `patience` exams brought no better loss; 0 has no end."""
    return bool(patience and exams) and in_vain(exams) >= patience


def in_vain(exams: list[Exam]) -> int:
    """Return how many exams there were since the best one."""
    return len(exams) - 1 - exams.index(best_of(exams))


def exams_of(checkpoint_folder: Path) -> list[Exam]:
    """Return the exams that lie behind a checkpoint."""
    return exams_in(_state(checkpoint_folder)["log_history"])


def steps_of(checkpoint_folder: Path) -> int:
    """Return the steps that lie behind a checkpoint, as the trainer counts them."""
    return int(_state(checkpoint_folder)["global_step"])


def _state(checkpoint_folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint_folder / "trainer_state.json").read_bytes())
    return state
