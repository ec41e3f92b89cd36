"""Finds bytes among very many, in a few passes over all of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_WORD = 8  # flags looked at together


def bytes_of(content: bytes) -> Array:
    """The numbers of the bytes, which cannot be changed."""
    return np.frombuffer(content, np.uint8)


def places_below(values: Array, limit: int) -> Array:
    """The places of the numbers less than a limit, in order."""
    flags = _room(len(values))
    np.less(values, limit, out=flags[: len(values)])
    return _set_in(flags)


def places_folded(values: Array, kept: int, lowest: int, kinds: int) -> Array:
    """The places of bytes of which the kept bits are one of so many numbers from the lowest on.

    So several bytes are found in the time that one takes.
    """
    flags = _room(len(values))
    folded = flags.view(np.uint8)[: len(values)]
    np.bitwise_and(values, kept, out=folded)
    np.subtract(folded, lowest, out=folded)
    np.less(folded, kinds, out=flags[: len(values)])
    return _set_in(flags)


def _room(size: int) -> Array:
    """Flags, to be filled in, up to a whole word."""
    flags = np.empty(-(-size // _WORD) * _WORD, bool)
    flags[size:] = False
    return flags


def _set_in(flags: Array) -> Array:
    """Where flags are set of which few are: words without any are passed over.

    It takes two thirds of the time of `np.flatnonzero` alone.
    """
    words = flags.view(np.uint64)
    some = np.flatnonzero(words != 0)  # of flags again: many times faster than of numbers
    found = np.flatnonzero(words[some].view(bool))
    places: Array = (some[found >> 3] << 3) + (found & 7)
    return places


def keep_memory() -> None:
    """Lets the C library keep memory that is asked for and freed again and again.

    It gives large pieces back to the system at once, and getting their pages anew takes longer than
    what is done in them. Once it has freed a piece of this size, it keeps as much (mallopt(3),
    M_MMAP_THRESHOLD); this one is never touched and takes no memory. Elsewhere this does nothing.
    """
    np.empty(_KEPT, np.uint8)


_KEPT = 30 << 20  # bytes; the C library keeps at most 32 MB
