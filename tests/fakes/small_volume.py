"""A small volume mounted over a folder, so that it can be full while the machine's disk is not."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_volume(folder: Path, megabytes: float) -> Iterator[Path]:
    """Mount one; skips the test where that is not allowed."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small volume")
    folder.mkdir(parents=True, exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "small", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"this system mounts no small volume: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(volume: Path, leaving: int = 0) -> Path:
    """Write a file until so many bytes are left, and return it."""
    ballast = volume / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while room(volume) > leaving:
            file.write(b"x" * min(1 << 16, max(room(volume) - leaving, 1)))
    return ballast


def room(volume: Path) -> int:
    """Return how many bytes are free."""
    told = os.statvfs(volume)
    return told.f_bavail * told.f_frsize
