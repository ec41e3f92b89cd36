"""What is kept of every text to find those alike: its shingles and the keys of its bands."""

import os
import tempfile
from array import array
from pathlib import Path
from types import TracebackType

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from worker.datasets.care.shingles import Shingles, shingles

PERMUTATIONS = 128
_SURE = 0.99  # of two texts as alike as the threshold to share a band, by the choice of bands
_MOST_IN_BAND = 16
_AT_ONCE = 512  # signatures folded into keys at a time
_FACTOR = np.uint64(0x100000001B3)
_SHINGLE = 4  # bytes
_SCHEME = "affine32"
_PERMUTATIONS = MinHash(PERMUTATIONS, scheme=_SCHEME).permutations


def bands(threshold: float) -> tuple[int, int]:
    """How many bands of how many hashes find two texts this alike with a chance of 99%.

    Two texts of similarity s share one of b bands of r hashes with the chance 1 - (1 - s^r)^b
    (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4). The longest bands that are sure
    enough give the fewest pairs to look at in vain. (The library's own choice would find 40 to 87%
    of the pairs at the threshold.)
    """
    for width in range(_MOST_IN_BAND, 1, -1):
        count = PERMUTATIONS // width
        if 1 - (1 - threshold**width) ** count >= _SURE:
            return count, width
    return PERMUTATIONS, 1


class Sketches:
    """Shingles and band keys of texts, in files that nobody else sees.

    In memory stay 16 bytes a text; files are read, not mapped, so that they count to nobody's
    memory. A context manager; the files vanish with it, even when the
    process is killed (where the system has files without names).

    Args:
        threshold: the similarity from which on texts are near duplicates.
        scratch: a folder with room for about two thirds of the size of the texts; the system's
            own for temporary files where it is None.
    """

    def __init__(self, threshold: float, scratch: Path | None = None) -> None:
        self.bands, self._width = bands(threshold)
        self.rows = array("Q")
        self._ends = array("Q")
        self._waiting: list[NDArray[np.uint32]] = []
        self._shingles = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  (closed by __exit__)
        self._keys = [
            tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  (closed by __exit__)
            for _ in range(self.bands)
        ]

    def __enter__(self) -> "Sketches":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in (self._shingles, *self._keys):
            file.close()

    def add(self, row: int, text: str) -> None:
        """Takes a row's text in; a blank one is like no other."""
        found = shingles(text)
        if not len(found):
            return
        self.rows.append(row)
        self._ends.append((self._ends[-1] if self._ends else 0) + len(found))
        self._shingles.write(found.data)
        self._waiting.append(signature(found))
        if len(self._waiting) == _AT_ONCE:
            self._fold()

    def finish(self) -> None:
        """No more texts; from here on they can be compared."""
        self._fold()
        self._shingles.flush()

    def keys(self, band: int) -> NDArray[np.uint64]:
        """The key of this band of every text, in their order."""
        self._keys[band].seek(0)
        return np.fromfile(self._keys[band], dtype=np.uint64)

    def shingles(self, place: int) -> Shingles:
        """The shingles of the text that was taken in as number `place` (from 0)."""
        begin = self._ends[place - 1] if place else 0
        size = (self._ends[place] - begin) * _SHINGLE
        return np.frombuffer(os.pread(self._shingles.fileno(), size, begin * _SHINGLE), np.uint32)

    def _fold(self) -> None:
        if not self._waiting:
            return
        used = self.bands * self._width
        hashes = np.stack(self._waiting)[:, :used].astype(np.uint64)
        hashes = hashes.reshape(len(self._waiting), self.bands, self._width)
        keys = np.zeros(hashes.shape[:2], dtype=np.uint64)
        for place in range(self._width):
            keys = (keys ^ hashes[:, :, place]) * _FACTOR
        for band, file in enumerate(self._keys):
            file.write(keys[:, band].tobytes())
        self._waiting.clear()


def signature(found: Shingles) -> NDArray[np.uint32]:
    """The MinHash values of a text: equal ones are as frequent as the texts are alike."""
    sketch = MinHash(PERMUTATIONS, hashfunc=int, permutations=_PERMUTATIONS, scheme=_SCHEME)
    sketch.update_batch(found.tolist())
    values: NDArray[np.uint32] = sketch.hashvalues
    return values
