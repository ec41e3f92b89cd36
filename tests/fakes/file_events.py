"""Counts what processes do to the files below a folder, and cuts them off at a chosen event."""

import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


class Way(IntEnum):
    """How a process is cut off at an event."""

    BEFORE = 1
    TORN = 2
    POWER = 3
    HANG = 4


@dataclass(frozen=True)
class FileEvents:
    """What is told to, and heard from, the library that is preloaded into the processes.

    Args:
        file: where both are kept.
        library: the compiled library.
        below: the folder whose files count.
    """

    file: Path
    library: Path
    below: Path

    def arm(self, event: int, way: Way = Way.BEFORE) -> None:
        """Begin to count anew, and cut at that event; 0: at none."""
        with self.file.open("r+b") as file:
            file.write(struct.pack("4l", 0, event, way, 0))

    @property
    def count(self) -> int:
        """How many events there were."""
        return self._told()[0]

    @property
    def has_cut(self) -> bool:
        """Tell whether a process was cut off."""
        return self._told()[3] > 0

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with."""
        return {
            "LD_PRELOAD": str(self.library),
            "FILE_EVENTS": str(self.file),
            "FILE_EVENTS_BELOW": f"{self.below}/",
        }

    def _told(self) -> tuple[int, ...]:
        return struct.unpack("4l", self.file.read_bytes())


def file_events(folder: Path, below: Path) -> FileEvents:
    """Compile the library; skips the test where that cannot be done.

    Args:
        folder: for the library, and what is told to it.
        below: the folder whose files count.
    """
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("there is no C compiler to make what cuts a process off at a file event")
    made = FileEvents(folder / "events", folder / "file_events.so", below.resolve())
    made.file.write_bytes(bytes(struct.calcsize("4l")))
    options = ["-shared", "-fPIC", "-O1", "-o", str(made.library), str(SOURCE)]
    subprocess.run([compiler, *options, "-ldl", "-lpthread"], check=True)
    return made
