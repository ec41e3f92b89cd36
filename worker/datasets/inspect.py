"""Reads a person's JSONL file once: good rows are normalised, every other line is explained."""

import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from orjson import JSONDecodeError

from storage.errors import StudioError
from worker.datasets.duplicates import count_copies
from worker.datasets.faults import Refusal, RowFault
from worker.datasets.files import refuse_array, refuse_other_formats, refuse_table_or_page
from worker.datasets.judge import Judged, judge
from worker.datasets.lines import BOM, Batch, batches
from worker.datasets.output import Output
from worker.datasets.syntax import explain
from worker.datasets.tally import Tally

Report = Callable[[float, str], None]
REPORT_EVERY = 0.25  # seconds


@dataclass(frozen=True)
class Characters:
    """Lengths in characters of the text to learn from, for estimates before tokens are known."""

    total: int
    mean: float
    longest: int
    answer_share: float  # of the total; 1.0 for plain text, where everything is learned


@dataclass(frozen=True)
class Inspection:
    """What a pass over a file found."""

    shape: str
    rows_good: int
    rows_refused: int
    blank_lines: int
    faults: tuple[RowFault, ...]  # the first 1,000; all of them stand in faults.jsonl
    sha256: str
    bytes: int
    warnings: tuple[str, ...]
    characters: Characters


def inspect(source: Path, target: Path, report: Report) -> Inspection:
    """Reads `source`, which stays as it is, and fills the empty folder `target`.

    Written are `rows.jsonl` (normalised rows, one JSON object a line), `rows.idx` (the byte offset
    of each row, unsigned 64-bit, little-endian), `faults.jsonl` and `report.json`.

    Args:
        source: the person's file.
        target: an existing empty folder; what it holds after an error is of no use.
        report: gets the share done and words about four times a second; may raise to cancel.

    Raises:
        StudioError: the file is unusable as a whole, or no line of it can be used.
    """
    refuse_other_formats(source)
    with Output(target) as output, _Pass(source, output, report) as work:
        work.read()
    if not work.tally.rows_good:
        _refuse_whole(source, work.tally, output.faults)
    work.tally.copies = count_copies(output.hashes)
    output.hashes.unlink()
    inspection = _inspection(work, tuple(output.faults))
    _write_report(target, inspection, work.tally)
    report(1.0, work.words())
    return inspection


class _Pass:
    """One pass over the file: judges each line, writes and counts."""

    def __init__(self, source: Path, output: Output, report: Report) -> None:
        self.tally = Tally()
        self.read_bytes = 0
        self._digest = hashlib.sha256()
        self._hashed: Future[None] | None = None
        self._hashing = ThreadPoolExecutor(1, "sha256")
        self._source = source
        self._output = output
        self._report = report
        self._next_report = 0.0

    def __enter__(self) -> "_Pass":
        return self

    def __exit__(self, *_error: object) -> None:
        self._hashing.shutdown()

    def read(self) -> None:
        """Goes through the whole file once."""
        size = self._source.stat().st_size
        with self._source.open("rb") as stream:
            for batch in batches(stream, self._hash):
                self._take(batch)
                self._output.flush()
                self._tell(batch.read / max(size, batch.read))

    def sha256(self) -> str:
        """The hash of the bytes that were read."""
        if self._hashed:
            self._hashed.result()
        return self._digest.hexdigest()

    def words(self) -> str:
        """How far the pass has come, for the person who waits."""
        refused = f", {self.tally.rows_refused:,} refused" if self.tally.kinds else ""
        return f"{self.tally.rows_good:,} rows read{refused}"

    def _hash(self, block: bytes) -> None:
        """Hashes beside the parsing, on another core where there is one, one block ahead."""
        self.read_bytes += len(block)
        if self._hashed:
            self._hashed.result()
        self._hashed = self._hashing.submit(self._digest.update, block)

    def _tell(self, share: float) -> None:
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + REPORT_EVERY
            self._report(share, self.words())

    def _take(self, batch: Batch) -> None:
        """The hot loop: a line that is not a good row leaves it at once."""
        last = len(batch.lines) - 1
        for place, line in enumerate(batch.lines):
            number = batch.first + place
            try:
                judged = judge(line)  # type: ignore[arg-type]  # None is refused like broken JSON
            except (JSONDecodeError, Refusal) as refused:
                self._take_odd(line, refused, number, batch.ends_open and place == last)
                continue
            self._keep(judged, number)

    def _keep(self, judged: Judged, number: int) -> None:
        shape, stem, canonical, characters, answers, ignored = judged
        tally = self.tally
        self._output.row(stem, canonical, number)
        tally.shapes[shape] += 1
        tally.characters += characters
        tally.answers += answers
        if characters > tally.longest:
            tally.longest = characters
        if ignored:
            tally.ignore(ignored)
        if b"<" in canonical or b"[" in canonical:
            tally.look_for_tokens(canonical, number)

    def _take_odd(self, line: bytes | None, refused: Exception, number: int, open_: bool) -> None:
        """A blank line, a row behind a byte order mark of joined files, or a fault."""
        text = line if line is None else line.removeprefix(BOM)
        if text is not None and not text.strip():
            self.tally.blank_lines += 1
            return
        try:
            self._keep(_second_look(line, text, refused, open_), number)
        except Refusal as refusal:
            self._refuse(refusal, number)

    def _refuse(self, refusal: Refusal, number: int) -> None:
        self.tally.kinds[refusal.kind] += 1
        fault = RowFault(number, refusal.column, refusal.kind, refusal.reason, refusal.hint)
        self._output.fault(fault)


def _second_look(line: bytes | None, text: bytes | None, refused: Exception, open_: bool) -> Judged:
    """Judges a line again without its byte order mark; raises the refusal of any other."""
    if isinstance(refused, Refusal):
        raise refused
    if text is None or text == line:
        explain(text, open_)
    try:
        return judge(text)
    except JSONDecodeError:
        explain(text, open_)


def _inspection(work: _Pass, faults: tuple[RowFault, ...]) -> Inspection:
    tally = work.tally
    characters = Characters(
        total=tally.characters,
        mean=tally.characters / tally.rows_good,
        longest=tally.longest,
        answer_share=tally.answers / tally.characters,
    )
    return Inspection(
        shape=tally.shape,
        rows_good=tally.rows_good,
        rows_refused=tally.rows_refused,
        blank_lines=tally.blank_lines,
        faults=faults,
        sha256=work.sha256(),
        bytes=work.read_bytes,
        warnings=tally.warnings(),
        characters=characters,
    )


def _write_report(target: Path, inspection: Inspection, tally: Tally) -> None:
    counts = asdict(inspection)
    counts["faults"] = dict(tally.kinds.most_common())
    counts["shapes"] = dict(tally.shapes.most_common())
    (target / "report.json").write_text(json.dumps(counts, indent=2, ensure_ascii=False) + "\n")


def _refuse_whole(source: Path, tally: Tally, faults: list[RowFault]) -> NoReturn:
    """No row is good: says what the file is, or which fault stands in the way of most lines."""
    if not faults:
        raise StudioError(
            "The file has no examples: it is empty, or holds only blank lines.",
            "Choose another file; every line must be one JSON object.",
        )
    if len(faults) == 1 and faults[0].kind == "not_an_object" and "a list" in faults[0].reason:
        refuse_array()
    refuse_table_or_page(source)
    kind, count = tally.kinds.most_common(1)[0]
    example = next((fault for fault in faults if fault.kind == kind), faults[0])
    lines = "the only line" if tally.rows_refused == 1 else f"all {tally.rows_refused:,} lines"
    raise StudioError(
        f"No line of this file can be used ({lines} refused). The commonest fault, "
        f"{count:,} times, first in line {example.line:,}, column {example.column:,}: "
        f"{example.reason}",
        example.hint,
    )
