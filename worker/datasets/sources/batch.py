"""What every kind of file is turned into: parts that give batches of records."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.datasets.faults import Refusal

LINE_LIMIT = 10_000_000  # bytes of one record; a longer one is a fault, not a crash
BATCH_BYTES = 1 << 20  # about as many bytes of records make a batch


@dataclass(frozen=True)
class Limits:
    """How far packed files may unfold; both are watched while reading."""

    most_bytes: int = (
        20_000_000_000  # of one packed file, and of all files of an archive by its word
    )
    most_ratio: float = 100.0  # unpacked bytes for a packed one; text seldom passes 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records.

    Attributes:
        lines: the JSON text of each record, without a line end behind it; a `Refusal` where the
            record cannot even be read. Blank lines of a JSONL file are records without bytes.
        numbers: the line of the file, or the row of a Parquet table, in which each record starts,
            counted from 1.
        columns: the character of that line at which each starts, counted from 1; None where that
            is the first for all of them.
        read: bytes of the part that have been read so far; never more than `Part.size` where the
            file tells the truth about its size.
        ends_open: the last record is the file's last and has no end: a cut-off file ends so.
    """

    lines: Sequence[bytes | Refusal]
    numbers: Sequence[int]
    columns: Sequence[int] | None
    read: int
    ends_open: bool = False


@dataclass(frozen=True, kw_only=True)
class Part(ABC):
    """One table or list of records.

    Attributes:
        name: empty for the file itself, else the member of the archive or the list's name.
        format: jsonl, json, csv, tsv or parquet.
        size: bytes to read, in the unit of `Batch.read`.
        notes: sentences for the report: what was assumed or left out.
        path: set where the part is a plain UTF-8 JSONL file, which `jsonl.ranges` can cut.
    """

    name: str
    format: str
    size: int
    notes: tuple[str, ...] = ()
    path: Path | None = None

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """Gives every record once, in order.

        Raises:
            StudioError: the rest of the file cannot be read (damaged, or unfolds without end).
        """


def too_long() -> Refusal:
    """The refusal of a record over `LINE_LIMIT`, whose bytes were dropped."""
    megabytes = LINE_LIMIT // 1_000_000
    return Refusal(
        "too_long",
        f"The line is longer than {megabytes} MB.",
        "Split the example into several lines; a line is one example.",
    )
