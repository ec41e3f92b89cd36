"""Reads a person's file once: good rows are normalised, every other record is explained."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import orjson

from storage.errors import StudioError
from storage.mappings import Mapping, Target, signature
from worker.datasets.duplicates import count_copies
from worker.datasets.faults import Refusal, RowFault
from worker.datasets.judge import Reader
from worker.datasets.judging import Judging
from worker.datasets.layouts import layout_of
from worker.datasets.mapping import SURE, Recognition, Unsure, recognise
from worker.datasets.output import Output
from worker.datasets.quick import Quick
from worker.datasets.repairs import repaired
from worker.datasets.sources.batch import Limits, Part
from worker.datasets.sources.opening import opened
from worker.datasets.tally import Tally

Report = Callable[[float, str], None]
Remembered = Callable[[str], Mapping | None]
REPORT_EVERY = 0.25  # seconds
SAMPLE_ROWS = 1_000
SAMPLE_PARTS = 20


@dataclass(frozen=True)
class Characters:
    """Lengths in characters of the text to learn from, for estimates before tokens are known."""

    total: int
    mean: float
    longest: int
    answer_share: float  # of the total; 1.0 for plain text, where everything is learned


@dataclass(frozen=True)
class Turns:
    """How many turns the rows have."""

    mean: float
    longest: int


@dataclass(frozen=True)
class FileCounts:
    """What one part of the file, such as a member of an archive, gave."""

    name: str
    format: str
    rows: int
    refused: int


@dataclass(frozen=True)
class Inspection:
    """What a pass over a file found; `report.json` holds the same by the same names.

    `faults` are the first 1,000, without their text; all of them stand in faults.jsonl.
    """

    shape: str
    target: Target
    confidence: float
    format: str
    files: tuple[FileCounts, ...]
    mapping: Mapping | None
    rows_good: int
    rows_repaired: int
    rows_refused: int
    rows_held_out: int
    blank_lines: int
    bytes: int
    fingerprint: str
    faults: tuple[RowFault, ...]
    warnings: tuple[str, ...]
    characters: Characters
    turns: Turns
    roles: dict[str, int]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Reading:
    """How the rows of the file are read, as a sample or a person says."""

    recognition: Recognition
    mapping: Mapping | None  # chosen or remembered

    @property
    def target(self) -> Target:
        return self.mapping.target if self.mapping else self.recognition.target

    @property
    def stated(self) -> Mapping | None:
        """The mapping that the report names."""
        return self.mapping or (
            self.recognition.mapping if self.recognition.shape == "columns" else None
        )

    def reader(self) -> Reader:
        if self.mapping:
            return Reader("columns", mapping=self.mapping)
        usual = self.recognition.mapping if self.recognition.shape in _BY_SAMPLE else None
        return Reader(self.recognition.shape, usual=usual)

    def quick(self) -> Quick | None:
        found = self.recognition
        shape, mapping = ("columns", self.mapping) if self.mapping else (found.shape, found.mapping)
        if mapping is None:
            return None
        names = [column.name for column in found.columns]
        layout = layout_of(shape, mapping, names, chosen=self.mapping is not None)
        return Quick(layout, shape, mapping.target) if layout else None


_BY_SAMPLE = ("columns", "kto")


def inspect(  # noqa: PLR0913  # what the worker says of one piece of work
    source: Path,
    target: Path,
    report: Report,
    mapping: Mapping | None = None,
    remembered: Remembered | None = None,
    workers: int = 1,
    parts: Path | None = None,
) -> Inspection:
    """Reads `source`, which stays as it is, and fills the empty folder `target`.

    Written are `rows.jsonl` (normalised rows), `rows.idx` and `lines.idx` (the byte offset of each
    row and its line in the person's file, unsigned 64-bit, little-endian), `faults.jsonl`,
    `repairs.jsonl` and `report.json`.

    Args:
        source: the person's file.
        target: an existing empty folder; what it holds after an error is of no use.
        report: gets the share done and words about four times a second; may raise to cancel.
        mapping: how the fields are read; None recognises it.
        remembered: the mapping chosen earlier for files with this signature of their columns.
        workers: processes to use for a large file.
        parts: a folder for pieces already judged; a later call with the same goes on from them.

    Raises:
        Unsure: it must be asked which field is which.
        StudioError: the file is unusable as a whole, or no record of it can be used.
    """
    opened_parts = opened(source, Limits())
    reading = _reading(opened_parts, mapping, remembered)
    tally, counts = Tally(), []
    with Output(target) as output:
        work = Judging(reading.reader(), reading.quick(), reading.target, output, tally)
        teller = _Teller(report, sum(part.size for part in opened_parts))
        for part in opened_parts:
            counts.append(_judge_part(part, work, teller))
        fingerprint = output.fingerprint()
    if not tally.rows_good:
        _refuse_whole(tally, output.faults)
    tally.copies = count_copies(output.keys)
    output.keys.unlink()
    inspection = _inspection(reading, tally, tuple(counts), output, fingerprint, source)
    _write_report(target, inspection, tally)
    report(1.0, _words(tally))
    return inspection


def _reading(parts: list[Part], mapping: Mapping | None, remembered: Remembered | None) -> _Reading:
    recognition = recognise(list(islice(_sample(parts), SAMPLE_ROWS)))
    names = [column.name for column in recognition.columns]
    if mapping is None and remembered is not None and names:
        mapping = remembered(signature(names))
    asks = recognition.shape == "columns" and recognition.confidence < SURE
    if mapping is None and asks and any(column.kind != "number" for column in recognition.columns):
        raise Unsure(recognition.question())
    return _Reading(recognition, mapping)


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


class _Teller:
    """Tells about four times a second how far the reading is."""

    def __init__(self, report: Report, size: int) -> None:
        self._report = report
        self._size = max(1, size)
        self._before = 0
        self._next = 0.0

    def at(self, read: int, tally: Tally) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + REPORT_EVERY
            self._report(min(1.0, (self._before + read) / self._size), _words(tally))

    def passed(self, size: int) -> None:
        self._before += size


def _judge_part(part: Part, work: Judging, teller: _Teller) -> FileCounts:
    good, refused = work.tally.rows_good, work.tally.rows_refused
    work.file = part.name
    for batch in part.batches():
        work.take(batch)
        teller.at(batch.read, work.tally)
    teller.passed(part.size)
    tally = work.tally
    return FileCounts(part.name, part.format, tally.rows_good - good, tally.rows_refused - refused)


def _words(tally: Tally) -> str:
    """How far the pass has come, for the person who waits."""
    refused = f", {tally.rows_refused:,} refused" if tally.kinds else ""
    return f"{tally.rows_good:,} rows read{refused}"


def _inspection(
    reading: _Reading,
    tally: Tally,
    files: tuple[FileCounts, ...],
    output: Output,
    fingerprint: str,
    source: Path,
) -> Inspection:
    good = tally.rows_good
    target = Target(tally.targets.most_common(1)[0][0])
    return Inspection(
        shape=tally.shape,
        target=target,
        confidence=round(reading.recognition.confidence, 4),
        format=files[0].format,
        files=files,
        mapping=reading.stated,
        rows_good=good,
        rows_repaired=tally.repaired,
        rows_refused=tally.rows_refused,
        rows_held_out=tally.held_out,
        blank_lines=tally.blank_lines,
        bytes=source.stat().st_size,
        fingerprint=fingerprint,
        faults=tuple(output.faults),
        warnings=tally.warnings(),
        characters=Characters(
            total=tally.characters,
            mean=tally.characters / good,
            longest=tally.longest,
            answer_share=tally.answers / max(1, tally.characters),
        ),
        turns=Turns(mean=tally.roles.total() / good, longest=tally.longest_turns),
        roles=dict(tally.roles.most_common()),
        columns=tuple(name for name, _ in tally.columns.most_common(100)),
    )


def _write_report(target: Path, inspection: Inspection, tally: Tally) -> None:
    counts = asdict(inspection)
    mapping = inspection.mapping
    counts["mapping"] = mapping.model_dump(mode="json") if mapping else None
    counts["faults"] = dict(tally.kinds.most_common())
    counts["repairs"] = dict(tally.repairs.most_common())
    counts["shapes"] = dict(tally.shapes.most_common())
    text = orjson.dumps(counts, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (target / "report.json").write_bytes(text)


def _refuse_whole(tally: Tally, faults: list[RowFault]) -> NoReturn:
    """No row is good: says which fault stands in the way of most records."""
    if not faults:
        raise StudioError(
            "The file has no examples: it is empty, or holds only blank lines.",
            "Choose another file; every line must be one JSON object.",
        )
    kind, count = tally.kinds.most_common(1)[0]
    example = next((fault for fault in faults if fault.kind == kind), faults[0])
    lines = "the only line" if tally.rows_refused == 1 else f"all {tally.rows_refused:,} lines"
    raise StudioError(
        f"No line of this file can be used ({lines} refused). The commonest fault, "
        f"{count:,} times, first in line {example.line:,}, column {example.column:,}: "
        f"{example.reason}",
        example.hint,
    )
