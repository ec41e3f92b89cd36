"""A file of any size as numbered lines, in bounded memory.

Only LF, CRLF and CR end a line. `str.splitlines` would also split at U+2028, U+0085 and form
feeds, which may stand inside a JSON string, and tear one row into several.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

LINE_LIMIT = 10_000_000  # bytes without the line's end; a longer line is a fault, not a crash
BLOCK = 1 << 20
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Batch:
    """Consecutive lines; `None` stands for a line over `LINE_LIMIT`, whose bytes were dropped."""

    first: int
    lines: list[bytes | None]
    read: int  # bytes of the file read so far
    ends_open: bool = False  # the last line is the file's last and has no line end


def batches(stream: BinaryIO, seen: Callable[[bytes], object]) -> Iterator[Batch]:
    """Yields every line once, in order; `seen` gets every block of the file as it is."""
    number, read = 1, 0
    unfinished = _Unfinished()
    for block, size in _unified(stream, seen):
        read += size
        head, *rest = block.split(b"\n")
        unfinished.add(head)
        if not rest:
            continue
        lines: list[bytes | None] = [unfinished.take(), *rest[:-1]]
        unfinished.add(rest[-1])
        yield Batch(number, lines, read)
        number += len(lines)
    if unfinished.size:
        yield Batch(number, [unfinished.take()], read, ends_open=True)


def _unified(stream: BinaryIO, seen: Callable[[bytes], object]) -> Iterator[tuple[bytes, int]]:
    """Blocks of the file with every line end as LF and without a leading byte order mark."""
    after_carriage = False
    first = True
    while block := stream.read(BLOCK):
        seen(block)
        size = len(block)
        if first:
            block, first = block.removeprefix(BOM), False
        if after_carriage and block.startswith(b"\n"):
            block = block[1:]  # the second half of a CRLF that lay across two blocks
        after_carriage = block.endswith(b"\r")
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block, size


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

    def take(self) -> bytes | None:
        """The whole line, or None when it was too long; starts the next one."""
        line = None if self.size > LINE_LIMIT else b"".join(self.pieces)
        self.pieces, self.size = [], 0
        return line
