"""Files out of a multipart upload, read as they arrive: never whole in memory, never spooled."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from anyio import from_thread
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from studio.api.errors import UnknownKind, Unreadable

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks  # exists for type checkers alone

BLOCK_BYTES = 1 << 20
"""So much is handed on at a time; each block costs one change of threads."""


class UploadedFiles:
    """The files of one upload, in the order in which they come.

    Args:
        request: a POST whose body is multipart/form-data; only the parts that carry a file name
            count.

    Raises:
        UnknownKind: the body is of another kind.
    """

    def __init__(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type"))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise UnknownKind("The upload must be multipart/form-data with a field named file.")
        self._body: AsyncIterator[bytes] = request.stream()
        self._events: deque[tuple[str, bytes]] = deque()
        self._header = self._value = self._disposition = b""
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError as error:
            raise Unreadable(f"The upload cannot be read: {error}.") from error

    async def next_file(self) -> str | None:
        """Return the name of the next file, whose content `blocks` then gives; None at the end."""
        while True:
            kind, value = await self._event()
            if kind == "end":
                return None
            if kind == "part":
                _, options = parse_options_header(value)
                if b"filename" in options:
                    return options[b"filename"].decode("utf-8", "replace")

    def blocks(self) -> Iterator[bytes]:
        """Give the content of the present file, block by block; for a worker thread."""
        while block := from_thread.run(self._block):
            yield block

    async def _block(self) -> bytes:
        block = bytearray()
        while len(block) < BLOCK_BYTES:
            kind, value = await self._event()
            if kind == "part_end":
                self._events.appendleft((kind, value))  # so that the next block is empty
                break
            block += value
        if not block:
            self._events.popleft()
        return bytes(block)

    async def _event(self) -> tuple[str, bytes]:
        while not self._events:
            chunk = await anext(self._body, b"")
            if not chunk:
                raise Unreadable("The upload ended in the middle.", "Upload the file again.")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise Unreadable(f"The upload cannot be read: {error}.") from error
        return self._events.popleft()

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": lambda: self._events.append(("part", self._disposition)),
            "on_part_data": self._part_data,
            "on_part_end": lambda: self._events.append(("part_end", b"")),
            "on_end": lambda: self._events.append(("end", b"")),
        }

    def _part_begin(self) -> None:
        self._header = self._value = self._disposition = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(("data", data[start:end]))
