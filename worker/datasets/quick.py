"""Judges the plain rows of a batch at once, many times faster than one by one.

It decides exactly as `judge` does, and leaves to it every row that is not plain. Lines that are all
alike are not even decoded (`regular`). Of others, what cannot be seen in decoded rows is looked for
in the bytes of all lines together: every quotation mark that is no escape must belong to a string
that was decoded, or a field was dropped; an escape may hide a control character. Where a batch is
not clean, its halves are looked at, down to single rows.
"""

from collections.abc import Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import orjson
from msgspec import UNSET

from storage.mappings import Target
from storage.rows import EXAM
from worker.datasets import regular
from worker.datasets.alike import Differ
from worker.datasets.faults import Refusal
from worker.datasets.flat import Decoded, Flat
from worker.datasets.judge import strings_in
from worker.datasets.layouts import CODES, Layout
from worker.datasets.marks import Marks
from worker.datasets.places import Array, keep_memory
from worker.datasets.plain import Kept, Plain, cut, joined, keys_in
from worker.datasets.regular import Regular
from worker.datasets.roles import AFTER, ROLES, START
from worker.datasets.sources.line_block import LineBlock
from worker.datasets.tally import CONTROL_TOKEN, Tally
from worker.datasets.writing import written

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, TypeError, RecursionError)
_SPLIT = attrgetter("split")
_FEW = 8  # rows of a piece that is not divided again
_PATIENCE = 10  # batches with hardly a plain row, before no more are tried
_LONGEST_PAUSE = 4  # the power of two of the batches not tried after lines that differ
_LEGAL = np.array([[role in AFTER[last] for role in ROLES] for last in (*ROLES, START)])
_FIRST = len(ROLES)
_ANSWER = CODES["assistant"]
_NO_NUMBERS = (b'"', b"[", b"{")  # one of them stands in all that is, or holds, a string


class Quick:
    """Judges batches of one file.

    Args:
        layout: decodes its plain rows.
        shape: the name of their format.
        target: what they become.
    """

    def __init__(self, layout: Layout, shape: str, target: Target) -> None:
        self._layout = layout
        self._shape = shape
        self._target = target
        self._misses = 0
        self._different = 0
        self._pause = 0
        keep_memory()

    def take(self, lines: Sequence[bytes | Refusal], numbers: Sequence[int], tally: Tally) -> Kept:
        """Judges and counts the plain rows of a batch; the others must be read with all care."""
        if self._misses >= _PATIENCE:
            return Kept.none()
        kept = self._alike(lines, numbers, tally)
        if len(kept.places) == len(lines):
            return kept
        others = np.setdiff1d(np.arange(len(lines)), kept.places)
        plain = self._decoded(lines, others)
        found = len(kept.places) + len(plain.rows)
        self._misses = 0 if 4 * found > len(lines) else self._misses + 1
        more = self._judged(plain, numbers, tally)
        return kept.and_then(more).in_order() if len(kept.places) else more

    def _alike(
        self, lines: Sequence[bytes | Refusal], numbers: Sequence[int], tally: Tally
    ) -> Kept:
        """Of the rows that are all alike, those that can be learned from."""
        if not isinstance(lines, LineBlock):
            return Kept.none()
        if self._pause:
            self._pause -= 1
            return Kept.none()
        plain, flat, marks = self._regular(lines)
        self._different = 0 if flat else min(self._different + 1, _LONGEST_PAUSE)
        if flat is None:
            self._pause = 2**self._different
            return Kept.none()
        good = self._counted(plain, flat, marks, numbers, tally)
        self._layout.count_names(flat.names, int(np.count_nonzero(good)), tally)
        as_is = self._layout.keeps and len(flat.names) == 1
        block, ends = (plain.block, plain.ends)
        if not (as_is and flat.shortest):
            block, ends = self._written(flat)
        keys = keys_in(block, ends)
        if as_is:
            block, ends = (plain.block, plain.ends)
        kept = Kept(block, ends, keys, plain.places)
        return kept if good.all() else kept.only(good)

    def _regular(self, lines: LineBlock) -> tuple[Plain, Regular | None, Marks]:
        """The lines that are all alike, if most are, after leaving out others at most twice."""
        plain = Plain(lines.block, lines.ends, [], np.arange(len(lines)))
        alike: Array | None = lines.are_objects()
        for _ in range(3):
            if alike is None or 4 * np.count_nonzero(alike) < 3 * len(lines):
                break
            if not alike.all():
                plain = plain.only(alike)
            marks = Marks(plain.block)
            try:
                return plain, regular.read(marks, plain.ends, self._layout), marks
            except Differ as found:
                alike = found.alike
        return plain, None, Marks(b"")

    def _decoded(self, lines: Sequence[bytes | Refusal], places: Array) -> Plain:
        if isinstance(lines, LineBlock) and len(places) == len(lines) and lines.are_objects().all():
            try:
                rows = self._layout.decode_lines(lines.block)
            except _UNREADABLE:
                rows = []
            if len(rows) == len(lines):
                return Plain(lines.block, lines.ends, rows, places)
        decoded = [(place, self._one(lines[place])) for place in places.tolist()]
        some = [place for place, row in decoded if row is not None]
        wanted: list[Any] = [lines[place] for place in some]
        return Plain.of(wanted, [row for _, row in decoded if row is not None], some)

    def _one(self, line: bytes | Refusal) -> Any:
        try:
            return self._layout.decode(line)  # type: ignore[arg-type]  # a refusal is a TypeError
        except _UNREADABLE:
            return None

    def _judged(self, plain: Plain, numbers: Sequence[int], tally: Tally) -> Kept:
        if not plain.rows:
            return Kept.none()
        flat = self._layout.flat(plain.rows)
        marks = Marks(plain.block)
        if marks.hide_control or not self._accounts_for(plain.rows, flat, marks):
            if len(plain.rows) <= _FEW:
                return Kept.none()
            first, second = plain.halves()
            return self._judged(first, numbers, tally).and_then(
                self._judged(second, numbers, tally)
            )
        good = self._counted(plain, flat, marks, numbers, tally)
        rows = plain.rows
        if not good.all():
            rows = [row for row, fine in zip(rows, good, strict=True) if fine]
        self._layout.count_columns(rows, tally)
        if self._layout.divided:
            tally.held_out += sides_of(rows).count(EXAM)
        kept = self._kept(plain, flat)
        return kept if good.all() else kept.only(good)

    def _accounts_for(self, rows: list[Any], flat: Decoded, marks: Marks) -> bool:
        """Whether the lines hold no string that was not decoded."""
        try:
            return marks.quotes() == 2 * (flat.strings + self._beside(rows))
        except (Refusal, orjson.JSONDecodeError):
            return False

    def _beside(self, rows: list[Any]) -> int:
        """Strings in the fields beside the content; raises where one of them is not clean."""
        count = 2 * (len(rows) - sides_of(rows).count(UNSET)) if self._layout.divided else 0
        for attribute in self._layout.extras:
            raws = [raw for raw in map(attrgetter(attribute), rows) if raw is not None]
            together = b",".join(raws)
            values = orjson.loads(b"[" + together + b"]")
            count += len(raws)
            if any(mark in together for mark in _NO_NUMBERS):
                count += sum(map(strings_in, values, repeat(2)))
        return count

    def _counted(
        self, plain: Plain, flat: Flat, marks: Marks, numbers: Sequence[int], tally: Tally
    ) -> Array:
        """Which rows can be learned from; counts their turns and texts."""
        good = self._good(flat)
        if good.any():
            self._count(flat, good, tally)
        if marks.may_hold_tokens():
            self._look_for_tokens(plain, flat, good, numbers, tally)
        return good

    def _good(self, flat: Flat) -> Array:
        """Which rows have their turns in order, and an answer in every answer."""
        wrong = flat.blank(_ANSWER)
        if not self._layout.in_order:
            before = np.roll(flat.codes, 1)
            before[flat.starts] = _FIRST
            wrong |= ~_LEGAL[before, flat.codes]
        good = ~np.logical_or.reduceat(wrong, flat.starts)
        if not self._layout.in_order:
            good &= flat.codes[flat.starts + flat.turns - 1] == _ANSWER
        good[flat.odd] = False
        return good

    def _count(self, flat: Flat, good: Array, tally: Tally) -> None:
        learned = np.repeat(good, flat.turns)
        rows = np.add.reduceat(flat.lengths, flat.starts)[good]
        tally.shapes[self._shape] += len(rows)
        tally.targets[self._target] += len(rows)
        tally.characters += int(rows.sum())
        tally.longest = max(tally.longest, int(rows.max()))
        tally.answers += int(flat.lengths[learned & (flat.codes == _ANSWER)].sum())
        if self._layout.is_text:
            return
        tally.longest_turns = max(tally.longest_turns, int(flat.turns[good].max()))
        for code, count in enumerate(np.bincount(flat.codes[learned]).tolist()):
            if count:
                tally.roles[ROLES[code]] += count

    def _look_for_tokens(
        self, plain: Plain, flat: Flat, good: Array, numbers: Sequence[int], tally: Tally
    ) -> None:
        if not CONTROL_TOKEN.search("\0".join(flat.contents)):
            return
        starts = flat.starts
        for place in np.flatnonzero(good).tolist():
            start = int(starts[place])
            texts = flat.contents[start : start + int(flat.turns[place])]
            tally.look_for_tokens(texts, numbers[plain.places[place]])

    def _written(self, flat: Flat) -> tuple[bytes, Array]:
        return written(flat, self._layout.is_text)

    def _kept(self, plain: Plain, flat: Flat) -> Kept:
        """Every row in the form that is kept."""
        block, ends = self._written(flat)
        keys = keys_in(block, ends)
        as_is = self._layout.kept_as_is(plain.rows)
        if as_is is None:
            return Kept(plain.block, plain.ends, keys, plain.places)
        if as_is or self._layout.divided:
            rows = self._with_sides(plain.rows, cut(block, ends))
            lines = cut(plain.block, plain.ends) if as_is else []
            for place in as_is:
                rows[place] = lines[place]
            block, ends = joined(rows)
        return Kept(block, ends, keys, plain.places)

    def _with_sides(self, decoded: list[Any], forms: list[bytes]) -> list[bytes]:
        if not self._layout.divided:
            return forms
        return [
            row if side is UNSET else b'%b,"split":"%b"}' % (row[:-1], side.encode())
            for row, side in zip(forms, sides_of(decoded), strict=True)
        ]


def sides_of(decoded: list[Any]) -> list[Any]:
    """What each row says in "split"; UNSET where it does not say."""
    return list(map(_SPLIT, decoded))
