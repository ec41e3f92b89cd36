"""CSV and its kin: every row becomes an object of texts, cell for cell as in the file."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from orjson import dumps

from worker.datasets.faults import Refusal
from worker.datasets.sources.batch import BATCH_BYTES, LINE_LIMIT, Batch, Part, too_long
from worker.datasets.sources.content import Block, Content
from worker.datasets.sources.dialect import Dialect, fitted
from worker.datasets.sources.jsonl import BOM

OPEN_QUOTES = 100  # cells that never close behind which reading starts anew, before it gives up


@dataclass(frozen=True, kw_only=True)
class Table(Part):
    """Every row is a record; a line that is not UTF-8 is read as Windows-1252, as Excel saves."""

    content: Content
    dialect: Dialect

    def batches(self) -> Iterator[Batch]:
        """Gives every row below the header once, in order; an empty row has no bytes."""
        lines: list[bytes | Refusal] = []
        numbers: list[int] = []
        size, feed = 0, _Feed(self.content.blocks())
        for record, number in self._records(feed):
            lines.append(record)
            numbers.append(number)
            size += 100 + (len(record) if isinstance(record, bytes) else 0)
            if size > BATCH_BYTES:
                yield Batch(lines, numbers, None, feed.read)
                lines, numbers, size = [], [], 0
        if lines:
            yield Batch(lines, numbers, None, feed.read)

    def _records(self, feed: "_Feed") -> Iterator[tuple[bytes | Refusal, int]]:
        """The records below the header, and the line each starts in."""
        in_header = self.dialect.has_header
        for _ in range(self.dialect.skip):
            next(feed, None)
        for row, number in _rows(feed, self.dialect.delimiter):
            if in_header and isinstance(row, list):
                in_header = not row
                continue
            yield self._record(row), number

    def _record(self, row: list[str] | Refusal) -> bytes | Refusal:
        header = self.dialect.header
        if isinstance(row, Refusal):
            return row
        if not any(row):
            return b""
        cells = fitted(row, len(header))
        if cells is None:
            return _other_width(row, header)
        record = dumps(dict(zip(header, cells, strict=True)))
        return record if len(record) <= LINE_LIMIT else too_long()


def _rows(feed: "_Feed", delimiter: str) -> Iterator[tuple[list[str] | Refusal, int]]:
    """The rows and the line each starts in.

    Where a cell never closes, the line it opens in is refused, and reading starts anew behind it.
    """
    reader = csv.reader(feed, delimiter=delimiter)
    open_quotes = 0
    while True:
        number = feed.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            feed.ended = True
        if not feed.ended:
            yield feed.refusal or row, number
            continue
        open_quotes += 1
        yield _never_closes(last=open_quotes > OPEN_QUOTES), number
        if open_quotes > OPEN_QUOTES:
            return
        feed.go_back()


class _Feed:
    """Lines for the reader of rows, with their ends; counts them and can go back to a row's second.

    Attributes:
        read: as in `Block`.
        ended: the reader asked for a line where there was none, or the row became too long.
        refusal: why the row in progress cannot be used, whatever the reader makes of it.
    """

    def __init__(self, blocks: Iterator[Block]) -> None:
        self.read = 0
        self.ended = False
        self.refusal: Refusal | None = None
        self._number = 0
        self._row: list[bytes | None] = []
        self._size = 0
        self._again: list[bytes | None] = []  # the next line last
        self._lines = self._physical(blocks)

    def begin(self) -> int:
        """Begins a row, and tells the number of its first line."""
        self._row, self._size, self.refusal, self.ended = [], 0, None, False
        return self._number + 1

    def go_back(self) -> None:
        """Lets all lines of the row come again but the first."""
        self._again += reversed(self._row[1:])
        self._number -= len(self._row[1:])

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self._again:
            line = self._again.pop()
        else:
            try:
                line = next(self._lines)
            except StopIteration:
                self.ended = True
                raise
        self._number += 1
        self._row.append(line)
        if line is None:
            self.refusal = too_long()
            return ""
        self._size += len(line) + 60  # bytes of memory for the line besides its own
        if self._size > 4 * LINE_LIMIT:
            raise csv.Error
        return self._text(line)

    def _text(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            try:
                return line.decode("cp1252")
            except UnicodeDecodeError as error:
                self.refusal = _not_text(line[error.start])
                return line.decode(errors="replace")

    def _physical(self, blocks: Iterator[Block]) -> Iterator[bytes | None]:
        """The lines with their ends, LF, CRLF or CR; None for one that is too long."""
        rest, dropped, first = b"", False, True
        for block, self.read in blocks:
            if first:
                block, first = block.removeprefix(BOM), False
            lines: list[bytes | None] = [*(rest + block).splitlines(keepends=True)]
            rest = b""
            if lines and not (rest := lines[-1] or b"").endswith(b"\n"):
                lines.pop()  # it may go on, or be the first half of a CRLF
            else:
                rest = b""
            if dropped and lines:
                lines[0], dropped = None, False
            if len(rest) > LINE_LIMIT:
                rest, dropped = b"", True
            yield from lines
        if rest or dropped:
            yield None if dropped else rest


def _other_width(row: list[str], header: tuple[str, ...]) -> Refusal:
    cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
    return Refusal(
        "row_width",
        f"The row has {cells}, but the table has {len(header)} columns.",
        "Put a cell that holds the delimiter or a line break in quotation marks, and leave no "
        "cell out.",
    )


def _never_closes(last: bool) -> Refusal:
    hint = "Close it; a quotation mark inside a cell is written twice, the cell in quotation marks."
    if last:
        hint = f"Too many cells do so, and the rest of the table was not read. {hint}"
    return Refusal("open_quote", "A quotation mark opens a cell that never closes.", hint)


def _not_text(byte: int) -> Refusal:
    return Refusal(
        "not_utf8",
        f"The byte 0x{byte:02X} is neither valid UTF-8 nor Windows-1252.",
        "Save the table as UTF-8 (in the spreadsheet: Save as, CSV UTF-8).",
    )
