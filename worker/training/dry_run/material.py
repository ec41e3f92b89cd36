"""What a dry run reads: rows of tokens that mean nothing, as long as the longest of the data."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from datasets import Dataset

from storage.specs import RunSpec
from worker.training.data import Count, Side
from worker.training.tokens import IGNORED

_TOKEN = 1
"""All rows consist of it: which tokens they are takes no memory."""


@dataclass(frozen=True)
class Case:
    """What is tried.

    Attributes:
        spec: the settings of the run.
        folder: of the base model.
        texts: lengths of the texts that are read at once, in tokens; of packed rows all that the
            blocks of a batch hold.
        learned: share of the tokens that are learned, of each text the last ones.
        asks_first: whether the base model is asked about every pair before the first step.
    """

    spec: RunSpec
    folder: Path
    texts: tuple[int, ...]
    learned: float = 1.0
    asks_first: bool = False


def job(case: Case, working_folder: Path) -> Any:
    """Return what a recipe's trainer asks of its job, and nothing else."""
    return SimpleNamespace(spec=case.spec, working_folder=working_folder, start_folder=None)


def supervised(case: Case) -> Side:
    """Return rows of one text each."""
    rows = [
        ([_TOKEN] * length, [IGNORED] * (length - answer) + [_TOKEN] * answer)
        for length, answer in _answers(case)
    ]
    ids, labels = zip(*rows, strict=True)
    return _side({"input_ids": list(ids), "labels": list(labels)})


def pairs(case: Case, rows: int) -> Side:
    """Return at least so many pairs whose answers are equally long."""
    found = _masked(case, rows)
    columns: dict[str, list[Any]] = {"length": [len(ids) for ids, _ in found]}
    for name in ("chosen", "rejected"):
        columns[f"{name}_ids"], columns[f"{name}_mask"] = map(list, zip(*found, strict=True))
    return _side(columns)


def judged(case: Case, rows: int) -> Side:
    """Return at least so many single answers, good and bad in turn."""
    found = _masked(case, rows)
    columns: dict[str, list[Any]] = {
        "length": [len(ids) for ids, _ in found],
        "label": [number % 2 == 0 for number in range(len(found))],
    }
    for name in ("answer", "other"):
        columns[f"{name}_ids"], columns[f"{name}_mask"] = map(list, zip(*found, strict=True))
    return _side(columns)


def _answers(case: Case) -> list[tuple[int, int]]:
    """Return each text's length, and how many of its tokens are learned."""
    return [(one, max(1, min(one - 1, round(one * case.learned)))) for one in case.texts]


def _masked(case: Case, rows: int) -> list[tuple[list[int], list[int]]]:
    found = [
        ([_TOKEN] * length, [0] * (length - answer) + [1] * answer)
        for length, answer in _answers(case)
    ]
    return found * max(1, -(-rows // len(found)))


def _side(columns: dict[str, list[Any]]) -> Side:
    return Side(Dataset.from_dict(columns), Count(), _TOKEN)
