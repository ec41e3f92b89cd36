"""Counts equal rows of a file of any size by their hashes, in bounded memory."""

from pathlib import Path

import numpy as np

WIDTH = 8  # bytes of a hash
AT_ONCE = 1 << 22  # hashes sorted at a time: 32 MB


def count_copies(hashes: Path) -> int:
    """How many of the 64-bit hashes in the file equal an earlier one.

    Each pass reads the file and sorts one range of values, so that memory does not grow with it.
    """
    rows = hashes.stat().st_size // WIDTH
    if not rows:
        return 0
    passes = -(-rows // AT_ONCE)
    stored = np.memmap(hashes, dtype="<u8", mode="r")
    return sum(_copies_in_range(stored, part, passes) for part in range(passes))


def _copies_in_range(
    stored: "np.memmap[tuple[int], np.dtype[np.uint64]]", part: int, passes: int
) -> int:
    chosen = [
        piece[piece % np.uint64(passes) == part]
        for piece in (stored[at : at + AT_ONCE] for at in range(0, len(stored), AT_ONCE))
    ]
    ordered = np.sort(np.concatenate(chosen))
    return int(np.count_nonzero(ordered[1:] == ordered[:-1]))
