"""JSON lines of any size, in bounded memory, whole or in ranges for several processes.

Only LF, CRLF and CR end a line. `str.splitlines` would also split at U+2028, U+0085 and form
feeds, which may stand inside a JSON string, and tear one row into several.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.datasets.faults import Refusal
from worker.datasets.sources.batch import LINE_LIMIT, Batch, Part, too_long
from worker.datasets.sources.content import BLOCK, Block, Content, PlainFile
from worker.datasets.sources.line_block import LineBlock

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\n|\r[^\n]")


@dataclass(frozen=True, kw_only=True)
class Lines(Part):
    """Every line is a record."""

    content: Content

    def batches(self) -> Iterator[Batch]:
        """Gives every line once, in order."""
        return batches_of(unified(self.content.blocks()))


def ranges(path: Path, bytes_each: int) -> list[tuple[int, int]]:
    """Cuts a plain JSONL file at line ends into ranges of at least `bytes_each` bytes.

    Together the half-open ranges (start, end) cover the file; each holds whole lines.
    """
    size = path.stat().st_size
    cuts = [0]
    while cuts[-1] + bytes_each < size:
        cuts.append(_line_start(path, cuts[-1] + bytes_each, size))
    if cuts[-1] < size:
        cuts.append(size)
    return list(itertools.pairwise(cuts))


def batches(path: Path, start: int, end: int) -> Iterator[Batch]:
    """The lines of one of `ranges`: numbers count from 1 and `read` from 0 within the range."""
    for batch in batches_of(unified(PlainFile(path).between(start, end), at_start=start == 0)):
        yield Batch(batch.lines, batch.numbers, None, batch.read - start, batch.ends_open)


def _line_start(path: Path, at: int, size: int) -> int:
    """The start of the first line that begins behind the byte `at`; `size` where none does."""
    with path.open("rb") as stream:
        stream.seek(at)
        while block := stream.read(BLOCK):
            if found := _LINE_END.search(block):
                return at + found.start() + 1
            if len(block) == 1:
                break
            at += len(block) - 1  # its last byte may be the first half of a CRLF: look again
            stream.seek(at)
    return size


def batches_of(blocks: Iterable[Block]) -> Iterator[Batch]:
    """The lines of blocks in which every line ends in LF."""
    number, read = 1, 0
    unfinished = _Unfinished()
    for block, read in blocks:  # the last value is needed behind the loop
        cut = block.rfind(b"\n") + 1
        if cut:
            for lines in unfinished.ended_by(block[:cut]):  # no copy of a block of whole lines
                yield Batch(lines, range(number, number + len(lines)), None, read)
                number += len(lines)
        unfinished.add(block[cut:])
    if unfinished.size:
        yield Batch([unfinished.take()], range(number, number + 1), None, read, ends_open=True)


def unified(blocks: Iterable[Block], at_start: bool = True) -> Iterator[Block]:
    """The same blocks with every line end as LF, and without a byte order mark at the start."""
    after_carriage = False
    for block, read in blocks:
        if at_start:
            block, at_start = block.removeprefix(BOM), False
        if after_carriage and block.startswith(b"\n"):
            block = block[1:]  # the second half of a CRLF that lay across two blocks
        after_carriage = block.endswith(b"\r")
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block, read


class _Unfinished:
    """The pieces of a line that reaches over the end of a block, dropped once it is too long."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.size = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > LINE_LIMIT:
            self.pieces.clear()
        else:
            self.pieces.append(piece)

    def ended_by(self, block: bytes) -> Iterator[Sequence[bytes | Refusal]]:
        """The lines of a block, of which the first is the rest of this one."""
        if self.size + len(block) > LINE_LIMIT:
            head, _, block = block.partition(b"\n")
            self.add(head)
            yield [self.take()]
        elif self.size:
            block = b"".join((*self.pieces, block))
            self.pieces, self.size = [], 0
        if block:
            yield LineBlock(block)

    def take(self) -> bytes | Refusal:
        """The whole line, or the refusal of one too long; starts the next one."""
        line = too_long() if self.size > LINE_LIMIT else b"".join(self.pieces)
        self.pieces, self.size = [], 0
        return line
