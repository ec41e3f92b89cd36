"""The bytes of a file, packed or not, as blocks that can be walked any number of times."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

BLOCK = 1 << 22
_NEAR = 1 / 256  # of a block: so far ahead it is looked for a line end

# The bytes of a block, and how many bytes of what is read (packed, if it is) led to it so far.
Block = tuple[bytes, int]


class Content(ABC):
    """Bytes that can be read again from the start."""

    size: int  # bytes to read, in the unit of the second half of `Block`

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """Gives the bytes in blocks of about `BLOCK`, none of them empty."""

    def blocks_from(self, start: int) -> Iterator[Block]:
        """As `blocks`, but from the byte `start` of the unpacked bytes on."""
        for block, read in self.blocks():
            if start < len(block):
                yield block[start:], read
            start = max(0, start - len(block))

    def head(self, most: int) -> bytes:
        """The first bytes, at most `most` of them."""
        pieces, size = [], 0
        for block, _ in self.blocks():
            pieces.append(block)
            size += len(block)
            if size >= most:
                break
        return b"".join(pieces)[:most]


@dataclass(frozen=True)
class PlainFile(Content):
    """A file as it lies on the disk."""

    path: Path

    @property
    def size(self) -> int:  # type: ignore[override]  # read from the disk, not stored
        """Bytes of the file."""
        return self.path.stat().st_size

    def blocks(self) -> Iterator[Block]:
        """Gives the whole file."""
        return self.between(0, None)

    def blocks_from(self, start: int) -> Iterator[Block]:
        """Goes to `start` at once."""
        return self.between(start, None)

    def between(self, start: int, end: int | None) -> Iterator[Block]:
        """The bytes from `start` up to, not including, `end` (None: the end of the file).

        A block ends with a line where one ends near, so that its lines need not be copied together.
        """
        with self.path.open("rb", buffering=0) as stream:
            at = stream.seek(start)
            while block := stream.read(_to_line_end(stream, at + BLOCK, end) - at):
                at += len(block)
                yield block, at


def _to_line_end(stream: FileIO, at: int, end: int | None) -> int:
    """Where the line ends that goes over the byte `at`; `at` itself where that is not near."""
    ahead = os.pread(stream.fileno(), int(BLOCK * _NEAR), at - 1)
    found = at + ahead.find(b"\n")
    return max(at, found) if end is None else min(max(at, found), end)
