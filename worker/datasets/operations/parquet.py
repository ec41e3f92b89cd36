"""The rows of a dataset as a Parquet table, group of rows by group."""

from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from worker.datasets.operations.stream import Lines, Row, lines

_AT_ONCE = 5000  # rows of a group, if they are short
_MOST_BYTES = 32_000_000  # of a group
_SIDES = ("messages", "prompt", "chosen", "rejected", "completion")
_TURN = {
    "role": pa.string(),
    "content": pa.string(),
    "name": pa.string(),
    "tool_call_id": pa.string(),
    "tool_calls": pa.string(),
    "weight": pa.int64(),
}
_ROW = {"tools": pa.string(), "label": pa.bool_(), "split": pa.string(), "text": pa.string()}


def parquet(folder: Path) -> Lines:
    """The table, piece by piece; columns and fields that no row has are left out.

    Tools and tool calls, which have no fixed fields, are columns of JSON text.
    """
    schema, sink = _schema(folder), _Sink()
    rows = lines(folder)
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema) as writer:
        while group := _group(rows):
            writer.write_table(pa.Table.from_pylist(group, schema))
            yield sink.taken()
    yield sink.taken()


def _group(rows: Lines) -> list[Row]:
    found, size = [], 0
    for line in islice(rows, _AT_ONCE):
        found.append(_flat(orjson.loads(line)))
        size += len(line)
        if size > _MOST_BYTES:
            break
    return found


def _flat(row: Row) -> Row:
    for side in _SIDES:
        for turn in row.get(side, ()):
            if "tool_calls" in turn:
                turn["tool_calls"] = orjson.dumps(turn["tool_calls"]).decode()
    if "tools" in row:
        row["tools"] = orjson.dumps(row["tools"]).decode()
    return row


def _schema(folder: Path) -> Any:
    names: set[str] = set()
    of_turns: set[str] = set()
    for line in lines(folder):
        row = orjson.loads(line)
        names |= row.keys()
        for side in _SIDES:
            for turn in row.get(side, ()):
                of_turns |= turn.keys()
    turn = pa.struct([(name, kind) for name, kind in _TURN.items() if name in of_turns])
    fields = [(name, pa.list_(turn)) for name in _SIDES if name in names]
    return pa.schema(fields + [(name, kind) for name, kind in _ROW.items() if name in names])


class _Sink:
    """A file that is written to at its end, and emptied on the way."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: bytes) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        """What was written since the last call."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found
