"""Text of two or four bytes a letter, turned into UTF-8 while it is read."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from worker.datasets.sources.content import Block, Content

_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# Which of the first bytes are NUL in a text that begins with two Latin letters or brackets.
_PATTERNS = (
    ((False, True, True, True), "utf-32-le"),
    ((True, True, True, False), "utf-32-be"),
    ((False, True, False, True), "utf-16-le"),
    ((True, False, True, False), "utf-16-be"),
)


@dataclass(frozen=True)
class Transcoded(Content):
    """A text in UTF-16 or UTF-32 as UTF-8.

    A lone surrogate becomes the bytes that UTF-8 forbids for it, so that its line, and no other,
    is refused as not being UTF-8; other impossible bytes become U+FFFD.
    """

    wide: Content
    codec: str
    skip: int  # bytes of the byte order mark

    @property
    def size(self) -> int:  # type: ignore[override]  # that of the text as it lies in the file
        """Bytes of the wide text."""
        return self.wide.size

    def blocks(self) -> Iterator[Block]:
        """Transcodes block by block."""
        decoder = codecs.getincrementaldecoder(self.codec)("surrogatepass")
        read = 0
        for raw, read in self.wide.blocks_from(self.skip):
            if block := _decode(decoder, raw):
                yield block, read
        if block := _decode(decoder, b"", final=True):
            yield block, read


def as_utf8(content: Content) -> Content:
    """The same content where it is no wide text, else the wide text as UTF-8."""
    head = content.head(8)
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return Transcoded(content, codec, len(mark))
    zeros = tuple(byte == 0 for byte in head[:4])
    for pattern, codec in _PATTERNS:
        if zeros == pattern:
            return Transcoded(content, codec, 0)
    return content


def is_utf8(content: Content) -> bool:
    """Whether the whole text is valid UTF-8; reads it once."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block, _ in content.blocks():
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decode(decoder: codecs.IncrementalDecoder, raw: bytes, final: bool = False) -> bytes:
    try:
        text = decoder.decode(raw, final)
    except UnicodeDecodeError:
        decoder.errors = "replace"
        text = decoder.decode(raw, final)
        decoder.errors = "surrogatepass"
    return text.encode(errors="surrogatepass")
