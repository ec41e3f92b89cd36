"""Answers that are finished, kept one by one while the others are written."""

import os
import time
from pathlib import Path
from typing import Any

import orjson

from worker.datasets.operations.answers import Fate

_SYNC_EVERY = 5.0  # seconds; so much is written again after a power cut


class Journal:
    """The answers that are finished, one a line, behind a line that says of what work.

    Args:
        path: of the file; what another work left there is begun anew.
        identity: of the work.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self._places: dict[int, int] = {}
        self._file = path.open("a+b")
        self._synced = time.monotonic()
        if self._read() != identity:
            self._file.truncate(0)
            self._places = {}
            self._put(identity)

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, number: int, fate: Fate, text: str) -> None:
        """Keep what became of a row."""
        self._places[number] = self._put({"row": number, "fate": fate, "text": text})

    def get(self, number: int) -> tuple[Fate, str]:
        """Return what became of a row, and its answer. Raises KeyError where it is not known."""
        self._file.seek(self._places[number])
        found = orjson.loads(self._file.readline())
        return found["fate"], found["text"]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> Any:
        """Find the places of what is kept; a line that a death tore apart is cut off."""
        self._file.seek(0)
        head = self._file.readline()
        identity = orjson.loads(head) if head.endswith(b"\n") else None
        place = len(head)
        for line in self._file if identity is not None else ():
            if not line.endswith(b"\n"):
                self._file.truncate(place)
                break
            self._places[orjson.loads(line)["row"]] = place
            place += len(line)
        return identity

    def _put(self, entry: dict[str, Any]) -> int:
        self._file.seek(0, os.SEEK_END)
        place = self._file.tell()
        self._file.write(orjson.dumps(entry) + b"\n")
        self._file.flush()
        if time.monotonic() - self._synced >= _SYNC_EVERY:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()
        return place
