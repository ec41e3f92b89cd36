"""Writes the rows, their offsets and lines, the faults and the repairs of one inspection."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from worker.datasets.faults import RowFault, RowRepair

FAULTS_KEPT = 1_000
ROWS, INDEX, LINES = "rows.jsonl", "rows.idx", "lines.idx"
FAULTS, REPAIRS, KEYS = "faults.jsonl", "repairs.jsonl", "keys.tmp"
FILES = (ROWS, INDEX, LINES, FAULTS, REPAIRS, KEYS)

Numbers = NDArray[Any]  # whole numbers that are not negative


class Output:
    """The open files of a target folder, written batch by batch.

    Args:
        target: an existing folder.
        fingerprinted: whether `fingerprint` will be asked for.
    """

    def __init__(self, target: Path, fingerprinted: bool = True) -> None:
        self.keys = target / KEYS
        self.faults: list[RowFault] = []
        self._position = 0
        self._files = {name: (target / name).open("wb") for name in FILES}
        self._digest = hashlib.sha256()
        self._fingerprinted = fingerprinted
        self._hashed: Future[None] | None = None
        self._hashing = ThreadPoolExecutor(1, "fingerprint")

    def __enter__(self) -> "Output":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hashing.shutdown()
        for file in self._files.values():
            file.close()

    def block(self, block: bytes, ends: Numbers, lines: Numbers, keys: Numbers) -> None:
        """Adds normalised rows.

        Args:
            block: the rows, each ended by a line feed.
            ends: the place behind each line feed.
            lines: the line that each row comes from.
            keys: the number of the content of each.
        """
        if not block:
            return
        starts = np.concatenate((np.zeros(1, ends.dtype), ends[:-1])) + self._position
        self._position += len(block)
        self._hash(block)
        self._files[ROWS].write(block)
        self._write(INDEX, starts)
        self._write(LINES, lines)
        self._write(KEYS, keys)

    def append(self, folder: Path, lines_before: int) -> None:
        """Adds what another output has written into `folder`, behind so many lines of the file."""
        before = self._position
        with (folder / ROWS).open("rb") as rows:
            while block := rows.read(1 << 22):
                self._position += len(block)
                self._hash(block)
                self._files[ROWS].write(block)
        for name, shift in ((INDEX, before), (LINES, lines_before), (KEYS, 0)):
            self._write(name, np.fromfile(folder / name, "<u8") + np.uint64(shift))
        for stored in _objects(folder / FAULTS):
            self.fault(RowFault(**stored | {"line": stored["line"] + lines_before}))
        for stored in _objects(folder / REPAIRS):
            self.repair(RowRepair(**stored | {"line": stored["line"] + lines_before}))

    def fault(self, fault: RowFault) -> None:
        """Adds a fault; the first `FAULTS_KEPT` are also kept in memory, without their text."""
        stored = asdict(fault)
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(RowFault(**stored | {"text": ""}))
        self._files[FAULTS].write(orjson.dumps(stored) + b"\n")

    def repair(self, repair: RowRepair) -> None:
        """Adds a repair."""
        self._files[REPAIRS].write(orjson.dumps(asdict(repair)) + b"\n")

    def fingerprint(self) -> str:
        """The SHA-256 of all rows written, in hexadecimal digits."""
        if self._hashed:
            self._hashed.result()
        return self._digest.hexdigest()

    def _hash(self, block: bytes) -> None:
        """Hashes beside the parsing, on another core where there is one, one block ahead."""
        if not self._fingerprinted:
            return
        if self._hashed:
            self._hashed.result()
        self._hashed = self._hashing.submit(self._digest.update, block)

    def _write(self, name: str, numbers: Numbers) -> None:
        self._files[name].write(numbers.astype("<u8", copy=False).tobytes())


def _objects(file: Path) -> Iterable[dict[str, Any]]:
    with file.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)
