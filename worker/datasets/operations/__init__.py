"""New versions of datasets: each operation turns the rows of its parents into a new file."""

from pathlib import Path

from storage.operations import Operation
from worker.datasets.operations.stream import Report


def apply(operation: Operation, parents: list[Path], target: Path, report: Report) -> None:
    """Write the rows that an operation makes as JSON lines; to be read like a person's file.

    Rows that stay as they are come byte for byte from the parent. Equal parents and an equal
    operation give an equal file. Memory grows by some tens of bytes a row, never with their text.

    Args:
        operation: any that works on rows; `hub`, `reread` and `written` make their files elsewhere.
        parents: the prepared folders of `operation.parents`, in that order.
        target: the file to write.
        report: told the share done and words about four times a second; may raise to cancel.

    Raises:
        StudioError: the operation cannot be done with these rows, or none would be left.
    """
    from worker.datasets.operations.kinds import write  # noqa: PLC0415  (heavy; see `compare`)

    write(operation, parents, target, report)
