"""Which function does which operation: the one list of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage.errors import StudioError
from storage.operations import Operation
from worker.datasets.operations.chosen import chosen
from worker.datasets.operations.clean import clean
from worker.datasets.operations.edit import edit
from worker.datasets.operations.filter import keep
from worker.datasets.operations.mix import mix
from worker.datasets.operations.redact import redact
from worker.datasets.operations.sample import sample
from worker.datasets.operations.split import split
from worker.datasets.operations.stream import Lines, Report

KINDS: dict[str, Callable[[Any, list[Path], Path, Report], Lines]] = {
    "split": split,
    "filter": keep,
    "sample": sample,
    "edit": edit,
    "mix": mix,
    "clean": clean,
    "redact": redact,
    "chosen": chosen,
}
"""Each gets the operation, the parents' folders, a folder for temporary files and the report."""


def write(operation: Operation, parents: list[Path], target: Path, report: Report) -> None:
    """Write the lines of an operation; see `operations.apply`."""
    made = KINDS[operation.kind](operation, parents, target.parent, report)
    with target.open("wb", buffering=1 << 20) as file:
        file.writelines(made)
        if not file.tell():
            raise StudioError(
                "No row would be left.", "Change the conditions so that some rows remain."
            )
    report(1.0, "Rows written")
