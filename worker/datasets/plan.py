"""How the rows of a file are read: as its first records show, or as a person has said."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from storage.mappings import Mapping, Target
from worker.datasets.faults import Refusal
from worker.datasets.judge import Reader
from worker.datasets.layouts import layout_of
from worker.datasets.mapping import SURE, Unsure, recognise
from worker.datasets.quick import Quick
from worker.datasets.repairs import repaired
from worker.datasets.sources.batch import Limits, Part
from worker.datasets.sources.opening import opened

SAMPLE_ROWS = 1_000
SAMPLE_PARTS = 20
_BY_SAMPLE = ("columns", "kto")  # formats that the names of a single row's fields do not tell
VERSION = 2  # of the way rows are read; counts up when a piece judged earlier would differ


@dataclass(frozen=True)
class Plan:
    """How the rows of one file are read.

    Attributes:
        shape: the format of most rows; "columns" where a mapping says it.
        target: what the rows become.
        confidence: how sure that is, 0 to 1.
        mapping: how most rows are read, where that is known.
        chosen: a person has chosen the mapping.
        columns: the fields that the sample shows.
    """

    shape: str
    target: Target
    confidence: float
    mapping: Mapping | None
    chosen: bool
    columns: tuple[str, ...]

    @property
    def stated(self) -> Mapping | None:
        """The mapping that the report names; formats known by name need none."""
        return self.mapping if self.shape == "columns" else None

    @property
    def key(self) -> str:
        """Differs where rows would be read differently."""
        mapping = self.mapping.key if self.mapping else "none"
        return f"{VERSION}-{self.shape}-{mapping}-{int(self.chosen)}"

    def reader(self) -> Reader:
        """Reads single rows with all care."""
        if self.chosen:
            return Reader("columns", mapping=self.mapping)
        return Reader(self.shape, usual=self.mapping if self.shape in _BY_SAMPLE else None)

    def quick(self) -> Quick | None:
        """Reads plain rows many at once; None where the format has none."""
        if self.mapping is None:
            return None
        layout = layout_of(self.shape, self.mapping, list(self.columns), self.chosen)
        return Quick(layout, self.shape, self.mapping.target) if layout else None


def planned(parts: list[Part], mapping: Mapping | None) -> Plan:
    """Looks at the first records of each part.

    Raises:
        Unsure: it must be asked which field is which.
    """
    found = recognise(list(islice(_sample(parts), SAMPLE_ROWS)))
    names = tuple(column.name for column in found.columns)
    if mapping is not None:
        return Plan("columns", mapping.target, 1.0, mapping, True, names)
    if found.shape == "columns" and found.confidence < SURE and found.columns:
        raise Unsure(found.question())
    return Plan(found.shape, found.target, found.confidence, found.mapping, False, names)


def columns(source: Path) -> dict[str, Any]:
    """What the mapping dialog shows of a file, whether it is recognised or not.

    Raises:
        StudioError: the file cannot be used as a whole.
    """
    parts = opened(source, Limits())
    return recognise(list(islice(_sample(parts), SAMPLE_ROWS))).question()


def _sample(parts: list[Part]) -> Iterator[Any]:
    """The values of the first records of each part that are JSON, or can be made so."""
    each = max(50, SAMPLE_ROWS // max(1, len(parts)))
    for part in parts[:SAMPLE_PARTS]:
        yield from islice(_values(part), each)


def _values(part: Part) -> Iterator[Any]:
    for batch in part.batches():
        for line in batch.lines:
            if isinstance(line, Refusal) or not line.strip():
                continue
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                found = repaired(line)
                if found:
                    yield orjson.loads(found[0])
