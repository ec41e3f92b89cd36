"""Volumes: how much room is left on the one that a path lies on, and words for a full one."""

import errno
import os
import shutil
from pathlib import Path

from sqlalchemy.exc import OperationalError

from storage.errors import DiskFull

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def of(path: Path) -> Path:
    """Return where the volume that a path lies on is mounted; the path may not be there yet."""
    place = _existing(path)
    while not os.path.ismount(place) and place != place.parent:
        place = place.parent
    return place


def free(path: Path) -> int:
    """Return the bytes that may still be written where a path is, or would be."""
    return shutil.disk_usage(_existing(path)).free


def full(path: Path, needed: int | None = None) -> DiskFull:
    """Return the error of a volume that is full, with what is needed (bytes) where that is known.

    Its words name the volume, as several may be in use.
    """
    left = f"{in_words(free(path))} is free"
    needs = f"it needs {in_words(needed)}, {left}" if needed else left
    return DiskFull(
        f"The disk is full: {needs}.",
        f"Free some space on the volume {of(path)}, then resume or try again. "
        "What was saved before is untouched.",
    )


def is_full(error: BaseException) -> bool:
    """Tell whether an error of the system or of the database means that a volume is full."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(error, OperationalError) and "disk is full" in str(error.orig)


def in_words(size: int) -> str:
    """Return a number of bytes as a person reads it."""
    name, unit = next((u for u in _UNITS if size >= u[1]), ("bytes", 1))
    return f"{size} bytes" if unit == 1 else f"{size / unit:.3g} {name}"


def _existing(path: Path) -> Path:
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return place
