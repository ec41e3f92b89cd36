"""Looks for what decoded rows do not show in the bytes of all their lines together."""

from functools import cached_property

import numpy as np

from worker.datasets.places import Array, bytes_of, places_below, places_folded

_QUOTE, _COLON, _LESS, _BRACKET, _BACKSLASH = b'":<[\\'
_U, _B, _ZERO, _ONE = b"ub01"
_FOLDED, _LOWEST, _KINDS = 0x9F, 0x1A, 3  # so `:`, `;`, `<`, `Z`, `[`, `\\`, `z`, `{`, `|` are near
_NOT_ASCII, _CONTINUES = 0x80, 0xC0  # bytes between them go on with a character
_NOWHERE: Array = np.zeros(0, np.int64)
_AFTER_LESS = np.isin(np.arange(256), list(b"|s/<e\\"))  # what may go on a control token
_NEEDED_ESCAPES = np.isin(np.arange(256), list(b'"\\nrtf'))
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
        r"""Whether an escape may be a control character.

        So may \u000x and \u001x, also where the backslash is itself escaped.
        """
        if (self._escaped == _B).any():
            return True
        if not self._has_codes:
            return False
        backslashes = self._where(_BACKSLASH)
        inside = backslashes[backslashes < len(self.values) - 5]
        second, third, fourth, fifth = (self.values[inside + step] for step in (1, 2, 3, 4))
        zeros = (second == _U) & (third == _ZERO) & (fourth == _ZERO)
        return bool((zeros & ((fifth == _ZERO) | (fifth == _ONE))).any())

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
        """Whether the lines are UTF-8 and every escape is of one letter, and needed."""
        return bool(_NEEDED_ESCAPES[self._escaped].all()) and self._are_unicode()

    def _are_unicode(self) -> bool:
        """Whether the bytes are UTF-8; to know it, those beyond ASCII are enough."""
        others = self._others
        values = self.values[others]
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
        if not self._has_codes:
            return False
        return b"\\u003" in self.block or b"\\u005" in self.block  # begin < and [ as escapes

    def characters(self, starts: Array, ends: Array) -> Array:
        """How many characters stand in each part; no escape may go over its end."""
        counts: Array = ends - starts
        others = self._others
        uncounted = np.concatenate((self._escapes, others[self.values[others] < _CONTINUES]))
        if len(uncounted):
            uncounted.sort()
            counts -= np.searchsorted(uncounted, ends) - np.searchsorted(uncounted, starts)
        return counts

    def cut(self, starts: Array, ends: Array) -> list[bytes]:
        """The bytes of each part."""
        block = self.block
        parts = zip(starts.tolist(), ends.tolist(), strict=True)
        return [block[start:end] for start, end in parts]

    @cached_property
    def _others(self) -> Array:
        """The places of bytes beyond ASCII."""
        if self.block.isascii():
            return _NOWHERE
        return places_below(self.values.view(np.int8), 0)

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

    @cached_property
    def _has_codes(self) -> bool:
        return bool((self._escaped == _U).any())
