"""Looks for what decoded rows do not show in the bytes of all their lines together."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_QUOTE, _BACKSLASH, _OPEN, _CLOSE, _LESS, _BRACKET, _SLASH = b'"\\{}<[/'
_U, _B, _R, _ZERO, _ONE = b"ubr01"
_NOWHERE: Array = np.zeros(0, np.int64)
_AFTER_LESS = np.isin(np.arange(256), list(b"|s/<e\\"))  # what may go on a control token
_AFTER_BRACKET = np.isin(np.arange(256), list(b"I/\\"))


class Scratch:
    """Memory for comparisons, used again and again: fresh pages cost more than comparing."""

    def __init__(self) -> None:
        self._flags: Array = np.empty(0, bool)

    def equal(self, values: Array, wanted: int) -> Array:
        """Where the values are the wanted one; overwritten by the next call."""
        found: Array = np.equal(values, wanted, out=self._room(len(values)))
        return found

    def below(self, values: Array, limit: int) -> Array:
        """Where the values are less than the limit; overwritten by the next call."""
        found: Array = np.less(values, limit, out=self._room(len(values)))
        return found

    def _room(self, size: int) -> Array:
        if len(self._flags) < size:
            self._flags = np.empty(2 * size, bool)
        return self._flags[:size]


class Marks:
    """The bytes of strict JSON lines, each ended by a line feed."""

    def __init__(self, lines: list[bytes], scratch: Scratch) -> None:
        lines.append(b"")
        self.block = b"\n".join(lines)
        lines.pop()
        self._scratch = scratch
        self._bytes: Array = np.frombuffer(self.block, np.uint8)
        self._backslashes = self._where(_BACKSLASH) if b"\\" in self.block else _NOWHERE

    def account_for(self, strings: int) -> bool:
        """Whether every quotation mark belongs to one of so many strings, and no escape is odd.

        Odd is an escape that may be a control character.
        """
        quotes = int(np.count_nonzero(self._scratch.equal(self._bytes, _QUOTE)))
        if len(self._backslashes):
            escaped = self._escaped
            quotes -= int(np.count_nonzero(escaped == _QUOTE))
            if (escaped == _B).any() or (self._has_codes and self._hides_control()):
                return False
        return quotes == 2 * strings

    def may_hold_tokens(self, brackets: int) -> bool:
        """Whether a text may hold a control token; `brackets` belong to the rows themselves."""
        if b"<" in self.block and _AFTER_LESS[self._bytes[self._where(_LESS) + 1]].any():
            return True
        found = self._scratch.equal(self._bytes, _BRACKET)
        more = np.count_nonzero(found) != brackets
        if more and _AFTER_BRACKET[self._bytes[np.flatnonzero(found) + 1]].any():
            return True
        if not len(self._backslashes) or not self._has_codes:
            return False
        return b"\\u003" in self.block or b"\\u005" in self.block  # begin < and [ as escapes

    def is_shortest(self, frames: int, characters: int) -> bool:
        """Whether the lines have no blank outside of strings and no escape without need.

        Then every line is as long as its shortest form, and it is that form where the fields are
        in their usual order.

        Args:
            frames: bytes of the shortest lines beside the texts.
            characters: of all texts.
        """
        escapes = 0
        if len(self._backslashes):
            if self._has_codes or (self._escaped == _SLASH).any():
                return False
            escapes = len(self._escaped)
        return len(self.block) == frames + characters + escapes + self._bytes_after_first()

    def begin_with_role(self) -> int:
        """How many objects begin with the field "role", if there is no blank before it."""
        opened = self._where(_OPEN)
        opened = opened[self._bytes[opened + 1] == _QUOTE]
        return int(np.count_nonzero(self._bytes[opened + 2] == _R))

    def _bytes_after_first(self) -> int:
        """Bytes of characters beyond one for each."""
        if self.block.isascii():
            return 0
        return int(np.count_nonzero(self._scratch.below(self._bytes.view(np.int8), -64)))

    def stand_alone(self, lines: list[bytes]) -> bool:
        """Whether every line begins with { and ends with }, without a blank around it."""
        ends = np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)) + 1)
        firsts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
        opened = (self._bytes[firsts] == _OPEN).all()
        return bool(opened and (self._bytes[ends - 2] == _CLOSE).all())

    def _where(self, mark: int) -> Array:
        return np.flatnonzero(self._scratch.equal(self._bytes, mark))

    @cached_property
    def _escaped(self) -> Array:
        """The letter behind each backslash that begins an escape.

        Of backslashes side by side every second one is itself escaped.
        """
        begins = self._backslashes
        follows = np.diff(begins, prepend=-2) == 1
        if follows.any():
            places = np.arange(len(begins))
            runs = np.maximum.accumulate(np.where(follows, 0, places))
            begins = begins[(places - runs) % 2 == 0]
        letters: Array = self._bytes[begins + 1]
        return letters

    @cached_property
    def _has_codes(self) -> bool:
        return bool((self._escaped == _U).any())

    def _hides_control(self) -> bool:
        r"""Whether \u000x or \u001x stands anywhere; also where the backslash is itself escaped."""
        inside = self._backslashes[self._backslashes < len(self._bytes) - 5]
        second, third, fourth, fifth = (self._bytes[inside + step] for step in (1, 2, 3, 4))
        zeros = (second == _U) & (third == _ZERO) & (fourth == _ZERO)
        return bool((zeros & ((fifth == _ZERO) | (fifth == _ONE))).any())
