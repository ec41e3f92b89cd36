"""Takes the batches of one part of a file: judges every record, writes it, counts it."""

import numpy as np

from storage.mappings import Target
from storage.rows import EXAM
from worker.datasets.faults import TEXT_LIMIT, Refusal, RowFault, RowRepair
from worker.datasets.judge import Judged, Reader
from worker.datasets.output import Numbers, Output
from worker.datasets.plain import Kept, joined
from worker.datasets.quick import Quick
from worker.datasets.sources.batch import Batch
from worker.datasets.sources.jsonl import BOM
from worker.datasets.tally import Tally

MIXABLE = frozenset({Target.CHAT, Target.TEXT})


class Judging:
    """Judges batch after batch into one output.

    Args:
        reader: how rows are read with all care.
        quick: how most rows of a batch are read at once, where they are of a kind that allows it.
        target: what the rows of this file become; rows that would become another are refused.
        output: gets rows, faults and repairs.
        tally: counts.
    """

    def __init__(
        self, reader: Reader, quick: Quick | None, target: Target, output: Output, tally: Tally
    ) -> None:
        self.file = ""
        self.tally = tally
        self._reader = reader
        self._quick = quick
        self._targets = MIXABLE if target in MIXABLE else frozenset({target})
        self._output = output

    def take(self, batch: Batch) -> None:
        """Judges one batch."""
        self.tally.records += len(batch.lines)
        if batch.lines:
            self.tally.last_line = batch.numbers[len(batch.lines) - 1]
        kept = Kept.none()
        if self._quick:
            kept = self._quick.take(batch.lines, batch.numbers, self.tally)
        if len(kept.places) == len(batch.lines):
            self._output.block(kept.block, kept.ends, _numbers(batch), kept.keys)
        else:
            self._take_others(batch, kept)

    def _take_others(self, batch: Batch, kept: Kept) -> None:
        """Reads the rows that were not kept yet with all care."""
        rows: list[bytes | None] = [None] * len(batch.lines)
        keys = np.zeros(len(rows), np.uint64)
        keys[kept.places] = kept.keys
        for place, line in zip(kept.places.tolist(), kept.lines(), strict=True):
            rows[place] = line
        for place, row in enumerate(rows):
            if row is None:
                judged = self._careful(batch, place)
                if judged:
                    rows[place], keys[place] = judged.line, judged.counts.key
        chosen = np.fromiter((row is not None for row in rows), bool, len(rows))
        block, ends = joined([row for row in rows if row is not None])
        self._output.block(block, ends, _numbers(batch)[chosen], keys[chosen])

    def _careful(self, batch: Batch, place: int) -> Judged | None:
        line = batch.lines[place]
        number = batch.numbers[place]
        try:
            if isinstance(line, Refusal):
                raise line
            if not line.removeprefix(BOM).strip():
                self.tally.blank_lines += 1
                return None
            open_end = batch.ends_open and place == len(batch.lines) - 1
            judged = self._reader.judge(line, open_end)
            self._refuse_other(judged.target)
        except Refusal as refusal:
            column = batch.columns[place] if batch.columns else 1
            self._refuse(line, refusal, number, column)
            return None
        self._count(judged, number)
        return judged

    def _refuse_other(self, target: Target) -> None:
        if target not in self._targets:
            wanted = next(iter(self._targets)) if len(self._targets) == 1 else Target.CHAT
            raise Refusal(
                "other_kind",
                f"This row is {_NAMED[target]}, but most rows of the file are {_NAMED[wanted]}.",
                "Put rows of different kinds into files of their own.",
            )

    def _refuse(self, line: bytes | Refusal, refusal: Refusal, number: int, column: int) -> None:
        self.tally.kinds[refusal.kind] += 1
        text = "" if isinstance(line, Refusal) else line[: 4 * TEXT_LIMIT].decode(errors="replace")
        passed = text[: refusal.column - 1]  # a record that is no strict JSON may have line ends
        breaks = passed.count("\n")
        start = len(passed) - passed.rfind("\n") if breaks else refusal.column + column - 1
        fault = RowFault(
            line=number + breaks,
            column=start,
            kind=refusal.kind,
            reason=refusal.reason,
            hint=refusal.hint,
            file=self.file,
            text=text[:TEXT_LIMIT],
        )
        self._output.fault(fault)

    def _count(self, judged: Judged, number: int) -> None:
        tally, counts = self.tally, judged.counts
        tally.shapes[judged.shape] += 1
        tally.targets[judged.target] += 1
        tally.measure(counts.characters, counts.answers, counts.roles)
        tally.see(judged.columns, tally.columns)
        tally.see(judged.ignored, tally.ignored)
        tally.held_out += judged.split == EXAM
        tally.look_for_tokens(counts.tokens, number)
        tally.repaired += bool(judged.repairs)
        for kind, reason in judged.repairs:
            tally.repairs[kind] += 1
            self._output.repair(RowRepair(number, kind, reason, self.file))


_NAMED = {
    Target.CHAT: "conversations",
    Target.TEXT: "plain text",
    Target.PREFERENCE: "pairs of a better and a worse answer",
    Target.LABELLED: "answers marked good or bad",
}


def _numbers(batch: Batch) -> Numbers:
    if isinstance(batch.numbers, range):
        return np.arange(batch.numbers.start, batch.numbers.stop, dtype=np.uint64)
    return np.fromiter(batch.numbers, np.uint64, len(batch.lines))
