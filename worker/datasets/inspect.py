"""Reads a person's file once: good rows are normalised, every other record is explained."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from storage.errors import StudioError
from storage.mappings import Mapping
from worker.datasets import pieces
from worker.datasets.duplicates import count_copies
from worker.datasets.faults import RowFault
from worker.datasets.findings import FileCounts, Inspection, found, write_report
from worker.datasets.judging import Judging
from worker.datasets.output import Output
from worker.datasets.plan import Plan, planned
from worker.datasets.sources.batch import Limits, Part
from worker.datasets.sources.opening import opened
from worker.datasets.tally import Tally

__all__ = ["Inspection", "inspect"]

Report = Callable[[float, str], None]
REPORT_EVERY = 0.25  # seconds


def inspect(  # what the worker says of one piece of work
    source: Path,
    target: Path,
    report: Report,
    mapping: Mapping | None = None,
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
        workers: processes to use for a large file.
        parts: a folder for pieces already judged; a later call with the same goes on from them.

    Raises:
        Unsure: it must be asked which field is which.
        StudioError: the file is unusable as a whole, or no record of it can be used.
    """
    members = opened(source, Limits())
    plan = planned(members, mapping)
    teller = _Teller(report, sum(part.size for part in members))
    with Output(target) as output:
        if parts is not None and _in_pieces(members, plan):
            cut = pieces.cut(source, plan, parts)
            tally = pieces.judge(cut, workers, output, teller.at)
            counts = [_counts(members[0], tally, Tally())]
        else:
            tally, counts = _judge(members, plan, output, teller)
        fingerprint = output.fingerprint()
    if not tally.rows_good:
        _refuse_whole(tally, output.faults)
    tally.copies = count_copies(output.keys)
    output.keys.unlink()
    size = source.stat().st_size
    inspection = found(plan, tally, tuple(counts), output.faults, fingerprint, size)
    notes = tuple(dict.fromkeys(note for part in members for note in part.notes))
    inspection = replace(inspection, warnings=notes + inspection.warnings)
    write_report(target, inspection, tally)
    report(1.0, _words(tally))
    return inspection


def _in_pieces(members: list[Part], plan: Plan) -> bool:
    """Whether the file is plain JSONL and long enough to be judged in pieces."""
    only = members[0] if len(members) == 1 else None
    return bool(only and only.path and pieces.are_worth_it(only.size, plan))


def _judge(
    members: list[Part], plan: Plan, output: Output, teller: "_Teller"
) -> tuple[Tally, list[FileCounts]]:
    """Goes through all parts once, one behind the other."""
    tally, counts = Tally(), []
    work = Judging(plan.reader(), plan.quick(), plan.target, output, tally)
    for part in members:
        before = Tally(shapes=tally.shapes.copy(), kinds=tally.kinds.copy())
        work.file = part.name
        for batch in part.batches():
            work.take(batch)
            teller.at(batch.read, tally)
        teller.passed(part.size)
        counts.append(_counts(part, tally, before))
    return tally, counts


def _counts(part: Part, now: Tally, before: Tally) -> FileCounts:
    good, refused = now.rows_good - before.rows_good, now.rows_refused - before.rows_refused
    return FileCounts(part.name, part.format, good, refused)


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


def _words(tally: Tally) -> str:
    """How far the pass has come, for the person who waits."""
    refused = f", {tally.rows_refused:,} refused" if tally.kinds else ""
    return f"{tally.rows_good:,} rows read{refused}"


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
