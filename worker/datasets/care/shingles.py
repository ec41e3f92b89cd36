"""A text as the set of its word 3-grams, by which near duplicates are recognised.

Words rather than characters: a row of a few hundred words has a sixth of the shingles, so it is
compared six times as fast, and a changed number, drug or negation in a short text counts in full (a
one-word difference makes two texts of fewer than 29 words no near duplicates at 0.8), which matters
more in medicine than catching a typing error. Scripts without spaces are cut into characters.
"""

import re
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Shingles = NDArray[np.uint32]

SEPARATOR = "\0"
"""Divides the parts of a text that must be alike each for itself, as a question and its answer."""
MOST_PARTS = 4  # more are read as one with the fourth

_WORDS_EACH = 3
_PART_SHIFT = np.uint32(30)
"""Upper two bits of a shingle say which part it is from; thirty are its hash."""
_TAGS = np.arange(1, MOST_PARTS, dtype=np.uint32) << _PART_SHIFT
_FACTORS = tuple(map(np.uint64, (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)))
_DOWN = np.uint64(34)
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_MOST_WORDS_KEPT = 500_000


class _WordHashes(dict[str, int]):
    """Hashes of words, kept, as most words of a text have been met before."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS_KEPT:
            self.clear()
        found = self[word] = crc32(word.encode()) | 1 << 32  # never 0, which fills short texts up
        return found


_HASHES = _WordHashes()


def shingles(text: str) -> Shingles:
    """The distinct hashed word 3-grams of a text, sorted; none for a blank text.

    Upper and lower case, punctuation and spaces make no difference. A part of fewer than three
    words is one shingle: it is like another part only if all its words are the same.
    """
    parts = text.split(SEPARATOR, MOST_PARTS - 1)
    if len(parts) == 1:
        return _of_part(parts[0])
    tagged = (_of_part(part) | np.uint32(place << 30) for place, part in enumerate(parts))
    return np.concatenate(list(tagged))


def similarity(one: Shingles, other: Shingles) -> float:
    """The Jaccard similarity of two texts, 0 to 1; of the part that is least alike."""
    common = np.intersect1d(one, other, assume_unique=True)
    shared, in_one, in_other = (_in_parts(found) for found in (common, one, other))
    union = in_one + in_other - shared
    there = union > 0
    return float((shared[there] / union[there]).min()) if there.any() else 0.0


def _of_part(text: str) -> Shingles:
    words = _WORD.findall(text.casefold()) or text.split()  # signs alone: compared as they are
    if not words:
        return np.empty(0, dtype=np.uint32)
    hashes = np.fromiter(map(_HASHES.__getitem__, words), dtype=np.uint64, count=len(words))
    if len(words) < _WORDS_EACH:
        hashes = np.pad(hashes, (0, _WORDS_EACH - len(words)))
    count = len(hashes) - _WORDS_EACH + 1
    mixed = hashes[:count] * _FACTORS[0]
    for place in (1, 2):
        mixed = (mixed ^ hashes[place : place + count]) * _FACTORS[place]
    return _distinct((mixed >> _DOWN).astype(np.uint32))


def _distinct(values: Shingles) -> Shingles:
    values.sort()
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return values[first]


def _in_parts(values: Shingles) -> NDArray[np.int64]:
    """How many of the sorted shingles are from each part."""
    ends = np.searchsorted(values, _TAGS)
    return np.diff(ends, prepend=0, append=len(values))
