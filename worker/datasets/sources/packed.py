"""Files packed with gzip, and the watch over how far a packed file unfolds."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from storage.errors import StudioError
from worker.datasets.sources.batch import Limits
from worker.datasets.sources.content import BLOCK, Block, Content

GZIP_MAGIC = b"\x1f\x8b\x08"
RATIO_FROM = 64_000_000  # unpacked bytes; less harms nobody, and a few equal rows pack very well
_GZIP = 31  # zlib's window bits that mean: a gzip header, a checksum behind


def watch(limits: Limits, unpacked: int, packed: int, name: str) -> None:
    """Refuses a file that unfolds beyond the limits.

    Args:
        limits: how far it may.
        unpacked: bytes it has given so far.
        packed: bytes of the file these came from.
        name: what to call it in the sentence, such as "The file".

    Raises:
        StudioError: the file is too large unpacked, or unfolds like a trap.
    """
    if unpacked > limits.most_bytes:
        raise StudioError(
            f"{name} is larger than {_size(limits.most_bytes)} when unpacked.",
            "Split it into several files, or leave out what is not needed for training.",
        )
    if unpacked > RATIO_FROM and unpacked > limits.most_ratio * packed:
        raise StudioError(
            f"{name} unfolds to more than {limits.most_ratio:.0f} times its size, as a file made "
            "to fill the disk does.",
            "Unpack it yourself and look at what is inside; if it is right, upload it unpacked.",
        )


@dataclass(frozen=True)
class Gzip(Content):
    """What is packed in a gzip file, which may hold several packed pieces one after the other."""

    packed: Content
    limits: Limits
    name: str = "The file"

    @property
    def size(self) -> int:  # type: ignore[override]  # that of the packed file
        """Bytes of the packed file."""
        return self.packed.size

    def blocks(self) -> Iterator[Block]:
        """Unpacks block by block.

        Raises:
            StudioError: damaged, cut off or unfolding beyond the limits.
        """
        unpacked, taken, unpacker = 0, 0, zlib.decompressobj(_GZIP)
        for raw, read in self.packed.blocks():
            while raw:
                if unpacker.eof:
                    raw = self._next_piece(raw, taken)
                    unpacker = zlib.decompressobj(_GZIP) if raw else unpacker
                    continue
                block = self._unpack(unpacker, raw, taken)
                left = unpacker.unconsumed_tail or unpacker.unused_data
                taken += len(raw) - len(left)
                raw, unpacked = left, unpacked + len(block)
                watch(self.limits, unpacked, taken, self.name)
                if block:
                    yield block, read
        if not unpacker.eof:
            yield from self._rest(unpacker, unpacked, taken)

    def _unpack(self, unpacker: "zlib._Decompress", raw: bytes, taken: int) -> bytes:
        try:
            return unpacker.decompress(raw, BLOCK)
        except zlib.error:
            raise self._damaged(taken) from None

    def _next_piece(self, raw: bytes, taken: int) -> bytes:
        """What follows a finished piece: another one, or zeros that fill up a disk block."""
        raw = raw.lstrip(b"\0")
        if raw and not GZIP_MAGIC.startswith(raw[:3]):
            raise self._damaged(taken)
        return raw

    def _rest(self, unpacker: "zlib._Decompress", unpacked: int, taken: int) -> Iterator[Block]:
        """What the unpacker still holds back, where the packed bytes have ended."""
        while block := self._unpack(unpacker, b"", taken):
            unpacked += len(block)
            watch(self.limits, unpacked, taken, self.name)
            yield block, taken
        if not unpacker.eof and taken:
            raise StudioError(
                f"{self.name} is cut off: what is packed in it does not end "
                f"(it stops after {_size(taken)}).",
                "Copy or download it again; an upload or download may have stopped early.",
            )

    def _damaged(self, taken: int) -> StudioError:
        where = f"beyond {_size(taken)} of it" if taken else "from its beginning on"
        return StudioError(
            f"{self.name} is damaged: it cannot be unpacked {where}.",
            "Copy or download it again, or pack it anew.",
        )


def _size(number: int) -> str:
    """Bytes for people."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{number} bytes"
