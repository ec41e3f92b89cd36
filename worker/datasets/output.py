"""Writes the rows, their offsets and the faults of one inspection."""

import sys
from array import array
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from types import TracebackType

import orjson

from worker.datasets.faults import RowFault

FAULTS_KEPT = 1_000


class Output:
    """The open files of a target folder; rows are gathered and written batch by batch."""

    def __init__(self, target: Path) -> None:
        self.hashes = target / "hashes.tmp"
        self.faults: list[RowFault] = []
        self._position = 0
        self._rows: list[bytes] = []
        self._digests: list[bytes] = []
        self._files = [
            (target / name).open("wb") for name in ("rows.jsonl", "rows.idx", "faults.jsonl")
        ]
        self._files.append(self.hashes.open("wb"))

    def __enter__(self) -> "Output":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()

    def row(self, stem: bytes, canonical: bytes, line: int) -> None:
        """Adds a normalised row, given without its closing brace.

        Its hash covers the canonical bytes of the content alone, never the line number.
        """
        digest = sha256(canonical)
        tail = f',"line":{line},"hash":"{digest.hexdigest()[:16]}"}}\n'
        self._rows.append(stem + tail.encode())
        self._digests.append(digest.digest()[:8])

    def fault(self, fault: RowFault) -> None:
        """Adds a fault; the first `FAULTS_KEPT` are also kept in memory."""
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(fault)
        self._files[2].write(orjson.dumps(asdict(fault)) + b"\n")

    def flush(self) -> None:
        """Writes the gathered rows and the offset of each."""
        offsets = array("Q")
        for row in self._rows:
            offsets.append(self._position)
            self._position += len(row)
        if sys.byteorder == "big":
            offsets.byteswap()
        rows, index, _, hashes = self._files
        rows.write(b"".join(self._rows))
        index.write(offsets.tobytes())
        hashes.write(b"".join(self._digests))
        self._rows.clear()
        self._digests.clear()
