"""How these tests read a file of given bytes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from worker.datasets.faults import Refusal
from worker.datasets.sources.batch import Limits, Part
from worker.datasets.sources.opening import opened


class Read(NamedTuple):
    """All records of a file: the raw record or a refusal's kind; the line and column of each."""

    parts: list[Part]
    records: list[bytes | str]
    places: list[tuple[int, int]]

    def values(self) -> list[Any]:
        """What the records hold; all of them must be JSON."""
        return [json.loads(record) for record in self.records]


def read(path: Path, limits: Limits | None = None) -> Read:
    """Opens a file and walks all its parts."""
    parts = opened(path, limits or Limits())
    records: list[bytes | str] = []
    places = []
    for part in parts:
        for batch in part.batches():
            columns = batch.columns or [1] * len(batch.lines)
            places += list(zip(batch.numbers, columns, strict=True))
            for line in batch.lines:
                records.append(line.kind if isinstance(line, Refusal) else line)
    return Read(parts, records, places)


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., Read]:
    """Reads a file of these bytes."""

    def reader(content: bytes, limits: Limits | None = None) -> Read:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return read(path, limits)

    return reader
