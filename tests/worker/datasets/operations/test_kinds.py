"""Every operation has its place: one that works on rows is in the list of functions."""

from typing import get_args

import pytest

from storage.errors import StudioError
from storage.operations import Operation, Sample
from worker.datasets import operations
from worker.datasets.operations.kinds import KINDS

ELSEWHERE = {"reread", "written", "hub", "answers"}
"""These make no rows out of rows, or let a model write them (`worker.answering`)."""


def test_no_operation_is_forgotten() -> None:
    union = get_args(Operation)[0]
    kinds = {part.model_fields["kind"].default for part in get_args(union)}
    assert kinds == KINDS.keys() | ELSEWHERE


def test_a_report_that_raises_ends_the_work(workshop) -> None:
    data = workshop.dataset([{"text": f"text {n}"} for n in range(100)])
    target = workshop.free_folder() / "original"

    def cancel(_share: float, _words: str) -> None:
        raise StudioError("stopped")

    with pytest.raises(StudioError, match="stopped"):
        operations.apply(Sample(dataset_id="d", rows=5), [data], target, cancel)
