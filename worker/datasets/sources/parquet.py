"""Parquet tables, row group by row group: lists and structs become JSON lists and objects."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from orjson import OPT_NON_STR_KEYS, JSONEncodeError, dumps

from storage.errors import StudioError
from worker.datasets.faults import Refusal, quoted
from worker.datasets.sources.batch import LINE_LIMIT, Batch, Limits, Part, too_long
from worker.datasets.sources.content import Content, PlainFile
from worker.datasets.sources.packed import watch

PARQUET_MAGIC = b"PAR1"
ROWS = 1024  # of a batch at most
_BATCH = 4_000_000  # bytes, as the file states them unpacked, that make a batch
_UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, UnicodeDecodeError)


@dataclass(frozen=True, kw_only=True)
class Rows(Part):
    """Every row is a record; numbers are row numbers."""

    content: Content
    limits: Limits
    columns: tuple[str, ...]

    def batches(self) -> Iterator[Batch]:
        """Gives every row once, in order."""
        done = written = 0
        with _file(self.content) as stream:
            table = _table(stream)
            total = max(1, table.metadata.num_rows)
            try:
                for arrow in self._arrow(table):
                    lines = _lines(arrow)
                    written += sum(len(line) for line in lines if isinstance(line, bytes))
                    _refuse_flood(written, self.limits)
                    numbers = range(done + 1, done + len(lines) + 1)
                    done += len(lines)
                    yield Batch(lines, numbers, None, self.size * done // total)
            except _UNREADABLE:
                raise StudioError(
                    f"This Parquet table is damaged: it cannot be read beyond row {done:,}.",
                    "Copy or download it again, or write it anew.",
                ) from None

    def _arrow(self, table: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
        facts = table.metadata
        unpacked = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
        each = max(1, unpacked // max(1, facts.num_rows))
        rows = max(1, min(ROWS, _BATCH // each))
        yield from table.iter_batches(
            batch_size=rows, columns=list(self.columns), use_threads=False
        )


def parquet_part(content: Content, limits: Limits, name: str) -> Rows:
    """The part of a Parquet table.

    Raises:
        StudioError: damaged, locked, or without a single column that holds text, numbers or lists.
    """
    with _file(content) as stream:
        table = _table(stream)
        _refuse_bomb(table.metadata, limits)
        schema = table.schema_arrow
    kept = tuple(dict.fromkeys(field.name for field in schema if _text_type(field.type)))
    left_out = tuple(field.name for field in schema if not _text_type(field.type))
    if not kept:
        raise StudioError(
            "This Parquet table holds no column with text, only pictures, sound or other bytes.",
            "Upload a table that has the questions and answers as text.",
        )
    notes = tuple(
        f"The column {quoted(column)} holds pictures or other bytes and was left out."
        for column in left_out
    )
    return Rows(
        name=name,
        format="parquet",
        size=content.size,
        notes=notes,
        content=content,
        limits=limits,
        columns=kept,
    )


def _refuse_bomb(facts: pq.FileMetaData, limits: Limits) -> None:
    for group in (facts.row_group(i) for i in range(facts.num_row_groups)):
        for chunk in (group.column(i) for i in range(group.num_columns)):
            packed, unpacked = chunk.total_compressed_size, chunk.total_uncompressed_size
            watch(limits, unpacked, packed, "This Parquet table")


def _file(content: Content) -> IO[bytes]:
    """The table as a file to go back and forth in; a packed one is laid out beside its archive.

    That copy has no name and is gone when it is closed, or when the process ends.
    """
    if isinstance(content, PlainFile):
        return content.path.open("rb")
    copy = tempfile.TemporaryFile(dir=_folder(content))  # noqa: SIM115  # the caller closes it
    try:
        for block, _ in content.blocks():
            copy.write(block)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


def _folder(content: Any) -> Path:
    """The folder of the file that the content is packed in."""
    while not hasattr(content, "path"):
        content = content.packed
    return Path(content.path).parent


def _table(stream: IO[bytes]) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(stream, pre_buffer=False, buffer_size=1 << 20)
    except _UNREADABLE:
        raise StudioError(
            "This Parquet table is damaged, cut off or locked: its list of columns, which stands "
            "at the end of the file, cannot be read.",
            "Copy or download it again, or write it anew.",
        ) from None


def _text_type(kind: pa.DataType) -> pa.DataType | None:
    """The type to read a column as, times and decimals as text; None for raw bytes."""
    if isinstance(kind, pa.BaseExtensionType):
        return _text_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _text_type(kind.value_type)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return None
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        return None
    if pa.types.is_nested(kind):
        inner = [_text_type(kind.field(i).type) for i in range(kind.num_fields)]
        return kind if all(inner) else None
    return kind


def _lines(batch: pa.RecordBatch) -> list[bytes | Refusal]:
    """The rows of a batch as JSON; one by one where a text in one of them is not UTF-8."""
    try:
        return [_line(row) for row in batch.to_pylist(maps_as_pydicts="lossy")]
    except (UnicodeDecodeError, ValueError):
        if batch.num_rows == 1:
            return [_unreadable()]
    return [line for i in range(batch.num_rows) for line in _lines(batch.slice(i, 1))]


def _line(row: dict[str, Any]) -> bytes | Refusal:
    try:
        line = dumps(row, default=str, option=OPT_NON_STR_KEYS)
    except JSONEncodeError:
        return _unreadable()
    return line if len(line) <= LINE_LIMIT else too_long()


def _unreadable() -> Refusal:
    return Refusal(
        "not_utf8",
        "The row holds a value that cannot be read as text.",
        "Write the table anew with its texts as UTF-8.",
    )


def _refuse_flood(written: int, limits: Limits) -> None:
    if written > limits.most_bytes:
        raise StudioError(
            f"This Parquet table holds more than {limits.most_bytes:,} bytes when unpacked.",
            "Split it into several files, or leave out what is not needed for training.",
        )
