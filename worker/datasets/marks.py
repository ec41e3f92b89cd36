"""Looks for what decoded rows do not show in the bytes of all their lines together."""

from functools import cached_property

import numpy as np

from worker.datasets.places import Array, bytes_of, places_below, places_folded

_QUOTE, _COLON, _LESS, _BRACKET, _BACKSLASH = b'":<[\\'
_U, _B, _ZERO = b"ub0"
_FOLDED, _LOWEST, _KINDS = 0x9F, 0x1A, 3  # so `:`, `;`, `<`, `Z`, `[`, `\\`, `z`, `{`, `|` are near
_NOT_ASCII, _CONTINUES = 0x80, 0xC0  # bytes between them go on with a character
_SAMPLED = 16  # the first of so many parts tells how the others are
_FEW = 20  # one of so many bytes
_NOWHERE: Array = np.zeros(0, np.int64)
_AFTER_LESS = np.isin(np.arange(256), list(b"|s/<e\\"))  # what may go on a control token
_ESCAPES = np.isin(np.arange(256), list(b'"\\nrtf/u'))
_ODD_ESCAPES = np.isin(np.arange(256), list(b"/u"))
_AFTER_BRACKET = np.isin(np.arange(256), list(b"I/\\"))


class Marks:
    """The bytes of strict JSON lines, each ended by a line feed.

    Attributes:
        values: the bytes.
    """

    def __init__(self, block: bytes) -> None:
        self.block = block
        self.values = bytes_of(block)
        self._rare = places_folded(self.values, _FOLDED, _LOWEST, _KINDS)
        self._kinds = self.values[self._rare]

    @cached_property
    def hide_control(self) -> bool:
        """Whether an escape is a control character."""
        return bool((self._escaped == _B).any()) or self._has_code(b"01")

    def _has_code(self, digits: bytes) -> bool:
        r"""Whether the escape of a character begins with \u00 and one of the digits."""
        codes = self._escapes[self._escaped == _U]
        codes = codes[codes + len(rb"\u000") <= len(self.values)]
        zeros = (self.values[codes + 2] == _ZERO) & (self.values[codes + 3] == _ZERO)
        return bool(np.isin(self.values[codes[zeros] + 4], list(digits)).any())

    def quotes(self) -> int:
        """How many quotation marks are no escapes."""
        quotes = int(np.count_nonzero(np.equal(self.values, _QUOTE)))
        return quotes - int(np.count_nonzero(self._escaped == _QUOTE))

    def names(self) -> Array:
        """The places of the colons behind names: no other has a quotation mark before it."""
        colons = self._where(_COLON)
        colons = colons[self.values[colons - 1] == _QUOTE]
        found: Array = colons[self.values[colons - 2] != _BACKSLASH]
        return found

    def are_simple(self) -> bool:
        """Whether the lines are UTF-8 with escapes that JSON knows, and no control character."""
        known = bool(_ESCAPES[self._escaped].all())
        return known and not self.hide_control and self._are_unicode()

    def _are_unicode(self) -> bool:
        """Whether the bytes are UTF-8; where most are ASCII, it is enough to look at the others."""
        others = self._others
        values = self.values if others is None else self.values[others]
        if others is not None:
            continued = others[values < _CONTINUES]
            if (self.values[continued - 1] < _NOT_ASCII).any():
                return False
        try:
            values.tobytes().decode()
        except UnicodeDecodeError:
            return False
        return True

    def may_hold_tokens(self) -> bool:
        """Whether a text may hold a control token."""
        if _AFTER_LESS[self.values[self._where(_LESS) + 1]].any():
            return True
        if _AFTER_BRACKET[self.values[self._where(_BRACKET) + 1]].any():
            return True
        return self._has_code(b"35")  # begin < and [ as escapes

    def characters(self, starts: Array, ends: Array) -> Array:
        """How many characters stand in each part; no escape may go over its end."""
        counts: Array = ends - starts
        others = self._others
        uncounted = self._escapes
        if others is None:
            counts -= self._continued(starts, ends)
        else:
            more = others[self.values[others] < _CONTINUES]
            uncounted = np.sort(np.concatenate((uncounted, more))) if len(more) else uncounted
        return counts - _within(uncounted, starts, ends)

    def hold_odd_escapes(self, starts: Array, ends: Array) -> Array:
        """The numbers of the parts with an escape for which there is, or may be, a shorter way."""
        odd = self._escapes[_ODD_ESCAPES[self._escaped]]
        return np.flatnonzero(_within(odd, starts, ends))

    def _continued(self, starts: Array, ends: Array) -> Array:
        """How many bytes of each part go on with a character."""
        flags = (self.values >= _NOT_ASCII) & (self.values < _CONTINUES)
        borders = np.stack((starts, ends), axis=1).reshape(-1)
        sums: Array = np.add.reduceat(flags, borders, dtype=np.int64)[::2]
        return sums  # of an empty part that is the flag of its closing quotation mark, not set

    def cut(self, starts: Array, ends: Array) -> list[bytes]:
        """The bytes of each part."""
        block = self.block
        parts = zip(starts.tolist(), ends.tolist(), strict=True)
        return [block[start:end] for start, end in parts]

    @cached_property
    def _others(self) -> Array | None:
        """The places of bytes beyond ASCII; None where they are too many to look at each."""
        if self.block.isascii():
            return _NOWHERE
        signed = self.values.view(np.int8)
        sample = signed[: len(signed) // _SAMPLED + 1]
        if np.count_nonzero(sample < 0) * _FEW > len(sample):
            return None
        return places_below(signed, 0)

    def _where(self, mark: int) -> Array:
        places: Array = self._rare[self._kinds == mark]
        return places

    @cached_property
    def _escapes(self) -> Array:
        """The places of the backslashes that begin an escape.

        Of backslashes side by side every second one is itself escaped.
        """
        begins = self._where(_BACKSLASH)
        follows = np.diff(begins, prepend=-2) == 1
        if follows.any():
            places = np.arange(len(begins))
            runs = np.maximum.accumulate(np.where(follows, 0, places))
            begins = begins[(places - runs) % 2 == 0]
        return begins

    @cached_property
    def _escaped(self) -> Array:
        """The letter behind each backslash that begins an escape."""
        letters: Array = self.values[self._escapes + 1]
        return letters


def _within(places: Array, starts: Array, ends: Array) -> Array:
    """How many of the places, which are in order, lie within each part."""
    if not len(places):
        return np.zeros(len(starts), np.int64)
    counts: Array = np.searchsorted(places, ends) - np.searchsorted(places, starts)
    return counts
