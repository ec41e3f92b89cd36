"""A JSON text that arrives in blocks, and the place reached in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from worker.datasets.sources.content import Block, Content
from worker.datasets.sources.jsonl import unified

_CONTINUATION = bytes(range(0x80, 0xC0))  # bytes of UTF-8 that begin no character
_SPACE = b" \t\n"


@dataclass(frozen=True)
class Unified(Content):
    """A text with every line end as LF and without a byte order mark, as JSON allows."""

    text: Content

    @property
    def size(self) -> int:  # type: ignore[override]  # that of the text it is made of
        """Bytes of the text as it is."""
        return self.text.size

    def blocks(self) -> Iterator[Block]:
        """The blocks of the text that are not empty after that."""
        return (block for block in unified(self.text.blocks()) if block[0])


class Cursor:
    """Walks forward through a unified text; what lies behind is forgotten.

    Attributes:
        text: what has arrived and was not forgotten yet.
        at: the place reached in `text`; `more` moves both, so keep distances from it, not places.
        line: the line of that place, counted from 1.
        column: its character in the line, counted from 1.
        passed: bytes of the whole text before that place.
        read: as in `Block`.
    """

    def __init__(self, blocks: Iterator[Block]) -> None:
        self.text = b""
        self.at = 0
        self.line = 1
        self.column = 1
        self.passed = 0
        self.read = 0
        self._blocks = blocks

    def more(self) -> bool:
        """Lets the next block arrive; False where the text has ended."""
        block, self.read = next(self._blocks, (b"", self.read))
        if block:
            self.text = self.text[self.at :] + block
            self.at = 0
        return bool(block)

    def move(self, size: int) -> None:
        """Goes `size` bytes on, within what has arrived."""
        stretch = self.text[self.at : self.at + size]
        lines = stretch.count(b"\n")
        if lines:
            self.line += lines
            self.column = 1
            stretch = stretch[stretch.rindex(b"\n") + 1 :]
        self.column += len(stretch.translate(None, _CONTINUATION))
        self.at += size
        self.passed += size

    def next(self) -> bytes:
        """Goes to the next byte that is not white space, and gives it; empty at the end."""
        byte = self.text[self.at : self.at + 1]
        if byte and byte not in _SPACE:
            return byte
        while True:
            rest = self.text[self.at : self.at + 64]
            if found := rest.lstrip(_SPACE):
                if len(found) < len(rest):
                    self.move(len(rest) - len(found))
                return found[:1]
            self.move(len(rest))
            if self.at == len(self.text) and not self.more():
                return b""

    def arrived(self) -> int:
        """Bytes from the place reached to the end of what has arrived."""
        return len(self.text) - self.at
