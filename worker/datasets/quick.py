"""Judges the plain rows of a batch at once, many times faster than one by one.

It decides exactly as `judge` does, and leaves to it every row that is not plain. What cannot be
seen in decoded rows is looked for in the bytes of all lines together: every quotation mark that is
no escape must belong to a string that was decoded, or a field was dropped; an escape may hide a
control character. Where a batch is not clean, its halves are looked at, down to single rows.
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import orjson
from msgspec import UNSET

from storage.mappings import Target
from storage.rows import EXAM
from worker.datasets.content import TEXT_FORM, filled, form, key_of
from worker.datasets.faults import Refusal
from worker.datasets.judge import strings_in
from worker.datasets.layouts import CODES, Flat, Layout
from worker.datasets.marks import Array, Marks, Scratch
from worker.datasets.roles import AFTER, ROLES, START
from worker.datasets.tally import CONTROL_TOKEN, Tally

Rows = list[bytes | None]
Lines = list[bytes | Refusal]

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, TypeError, RecursionError)
_SPLIT = attrgetter("split")
_FEW = 8  # rows of a piece that is not divided again
_PATIENCE = 10  # batches with hardly a plain row, before no more are tried
_LEGAL = np.array([[role in AFTER[last] for role in ROLES] for last in (*ROLES, START)])
_FIRST = len(ROLES)
_ANSWER = CODES["assistant"]
_NO_NUMBERS = (b'"', b"[", b"{")  # one of them stands in all that is, or holds, a string
_LINE_END = 1
_FRAME = len(form(b"")) + _LINE_END
_TURN_FRAMES = np.array([len(form(bytes([code]))) - len(form(b"")) for code in CODES.values()])


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
        self._scratch = Scratch()

    def take(
        self, lines: Lines, numbers: Sequence[int], tally: Tally
    ) -> tuple[Rows, Array, bytes | None]:
        """Counts the plain rows of a batch.

        Returns:
            each row as it is kept, or None where it must be read with all care; the number of the
            content of each; and the bytes of all lines joined, where they are kept as they are.
        """
        if self._misses >= _PATIENCE:
            return [None] * len(lines), np.zeros(len(lines), np.uint64), None
        decoded = self._decoded(lines)
        plain = [place for place, row in enumerate(decoded) if row is not None]
        self._misses = 0 if 4 * len(plain) > len(lines) else self._misses + 1
        if len(plain) == len(lines):
            return self._piece(lines, decoded, numbers, tally)  # type: ignore[arg-type]
        rows: Rows = [None] * len(lines)
        keys = np.zeros(len(lines), np.uint64)
        some, some_keys, _ = self._piece(
            [lines[place] for place in plain],  # type: ignore[misc]  # a refusal is not decoded
            [decoded[place] for place in plain],
            [numbers[place] for place in plain],
            tally,
        )
        for place, row in zip(plain, some, strict=True):
            rows[place] = row
        keys[plain] = some_keys
        return rows, keys, None

    def _decoded(self, lines: Lines) -> list[Any]:
        decode = self._layout.decode
        try:
            return list(map(decode, lines))  # type: ignore[arg-type]  # a refusal is a TypeError
        except _UNREADABLE:
            return [self._one(line) for line in lines]

    def _one(self, line: bytes | Refusal) -> Any:
        try:
            return self._layout.decode(line)  # type: ignore[arg-type]
        except _UNREADABLE:
            return None

    def _piece(
        self, lines: list[bytes], decoded: list[Any], numbers: Sequence[int], tally: Tally
    ) -> tuple[Rows, Array, bytes | None]:
        if not lines:
            return [], np.zeros(0, np.uint64), None
        flat = self._layout.flat(decoded)
        marks = Marks(lines, self._scratch)
        try:
            clean = marks.account_for(flat.strings + self._beside(decoded))
        except (Refusal, orjson.JSONDecodeError):
            clean = False
        if not clean:
            return self._halves(lines, decoded, numbers, tally)
        return self._finish(lines, decoded, numbers, tally, flat, marks)

    def _halves(
        self, lines: list[bytes], decoded: list[Any], numbers: Sequence[int], tally: Tally
    ) -> tuple[Rows, Array, bytes | None]:
        if len(lines) <= _FEW:
            return [None] * len(lines), np.zeros(len(lines), np.uint64), None
        half = len(lines) // 2
        first = self._piece(lines[:half], decoded[:half], numbers[:half], tally)
        second = self._piece(lines[half:], decoded[half:], numbers[half:], tally)
        return first[0] + second[0], np.concatenate((first[1], second[1])), None

    def _beside(self, decoded: list[Any]) -> int:
        """Strings in the fields beside the content; raises where one of them is not clean."""
        count = 2 * (len(decoded) - sides_of(decoded).count(UNSET)) if self._layout.divided else 0
        for attribute in self._layout.extras:
            raws = [raw for raw in map(attrgetter(attribute), decoded) if raw is not None]
            joined = b",".join(raws)
            values = orjson.loads(b"[" + joined + b"]")
            count += len(raws)
            if any(mark in joined for mark in _NO_NUMBERS):
                count += sum(map(strings_in, values, repeat(2)))
        return count

    def _finish(  # all that is known of a clean piece
        self,
        lines: list[bytes],
        decoded: list[Any],
        numbers: Sequence[int],
        tally: Tally,
        flat: Flat,
        marks: Marks,
    ) -> tuple[Rows, Array, bytes | None]:
        starts = np.cumsum(flat.turns) - flat.turns
        lengths = np.fromiter(map(len, flat.contents), np.int64, len(flat.contents))
        good = self._good(flat, starts, lengths)
        whole = bool(good.all())
        kept = decoded if whole else [row for row, fine in zip(decoded, good, strict=True) if fine]
        self._count(flat, starts, lengths, good, kept, tally)
        if marks.may_hold_tokens(self._layout.brackets * len(lines)):
            self._look_for_tokens(flat, starts, good, numbers, tally)
        kept_as_is = self._layout.kept_as_is(decoded)
        shortest = kept_as_is is None and self._is_shortest(flat, lengths, marks)
        forms = lines if shortest else self._written(flat, starts)
        keys = np.fromiter(map(key_of, forms), np.uint64, len(lines))
        if kept_as_is is None and whole and (shortest or marks.stand_alone(lines)):
            return lines, keys, marks.block  # type: ignore[return-value]  # bytes alone
        if kept_as_is is None:
            rows: Rows = [line.strip() for line in lines]
        else:
            rows = self._with_sides(decoded, forms)
            for place in kept_as_is:
                rows[place] = lines[place].strip()
        for place in np.flatnonzero(~good).tolist():
            rows[place] = None
        return rows, keys, None

    def _good(self, flat: Flat, starts: Array, lengths: Array) -> Array:
        """Which rows have their turns in order, and an answer in every answer."""
        blank = lengths == 0
        if any(map(str.isspace, flat.contents)):
            blank |= np.fromiter(map(str.isspace, flat.contents), bool, len(lengths))
        wrong = blank & (flat.codes == _ANSWER)
        if not self._layout.is_text:
            before = np.roll(flat.codes, 1)
            before[starts] = _FIRST
            wrong |= ~_LEGAL[before, flat.codes]
        good = ~np.logical_or.reduceat(wrong, starts)
        if not self._layout.is_text:
            good &= flat.codes[starts + flat.turns - 1] == _ANSWER
        good[flat.odd] = False
        return good

    def _is_shortest(self, flat: Flat, lengths: Array, marks: Marks) -> bool:
        """Whether the lines are what `_written` would give."""
        rows, turns = len(flat.turns), len(flat.codes)
        characters = int(lengths.sum())
        if self._layout.is_text:
            return marks.is_shortest((len(TEXT_FORM) + _LINE_END) * rows, characters)
        commas = turns - rows
        frames = _FRAME * rows + int(_TURN_FRAMES[flat.codes].sum()) + commas
        return marks.is_shortest(frames, characters) and marks.begin_with_role() == turns

    def _count(  # the arrays of one piece
        self,
        flat: Flat,
        starts: Array,
        lengths: Array,
        good: Array,
        kept: list[Any],
        tally: Tally,
    ) -> None:
        if not kept:
            return
        learned = np.repeat(good, flat.turns)
        rows = np.add.reduceat(lengths, starts)[good]
        tally.shapes[self._shape] += len(kept)
        tally.targets[self._target] += len(kept)
        tally.characters += int(rows.sum())
        tally.longest = max(tally.longest, int(rows.max()))
        tally.answers += int(lengths[learned & (flat.codes == _ANSWER)].sum())
        if not self._layout.is_text:
            tally.longest_turns = max(tally.longest_turns, int(flat.turns[good].max()))
            for code, count in enumerate(np.bincount(flat.codes[learned]).tolist()):
                if count:
                    tally.roles[ROLES[code]] += count
        self._layout.count_columns(kept, tally)
        if self._layout.divided:
            tally.held_out += sides_of(kept).count(EXAM)

    def _look_for_tokens(
        self, flat: Flat, starts: Array, good: Array, numbers: Sequence[int], tally: Tally
    ) -> None:
        if not CONTROL_TOKEN.search("\0".join(flat.contents)):
            return
        for place in np.flatnonzero(good).tolist():
            start = int(starts[place])
            texts = flat.contents[start : start + int(flat.turns[place])]
            tally.look_for_tokens(texts, numbers[place])

    def _written(self, flat: Flat, starts: Array) -> list[bytes]:
        """Every row in the form that is kept, without its side."""
        each = map(orjson.dumps, flat.contents)
        if self._layout.is_text:
            return filled(TEXT_FORM, each)
        codes = flat.codes.tobytes()
        count = int(flat.turns[0])
        if (flat.turns == count).all() and codes == codes[:count] * len(flat.turns):
            return filled(form(codes[:count]), each)
        texts = list(each)
        ends = (starts + flat.turns).tolist()
        return [
            form(codes[start:end]) % tuple(texts[start:end])
            for start, end in zip(starts.tolist(), ends, strict=True)
        ]

    def _with_sides(self, decoded: list[Any], forms: Iterable[bytes]) -> Rows:
        if not self._layout.divided:
            return list(forms)
        return [
            row if side is UNSET else b'%b,"split":"%b"}' % (row[:-1], side.encode())
            for row, side in zip(forms, sides_of(decoded), strict=True)
        ]


def sides_of(decoded: list[Any]) -> list[Any]:
    """What each row says in "split"; UNSET where it does not say."""
    return list(map(_SPLIT, decoded))
