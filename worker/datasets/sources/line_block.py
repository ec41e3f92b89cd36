"""Lines that lie one behind the other, as they were read."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

import numpy as np

from worker.datasets.places import Array, bytes_of, places_below

_LINE_FEED, _BLANK, _OPEN, _CLOSE = b"\n {}"


class LineBlock(Sequence[bytes]):
    """The lines of a block, without the line feed that ends each of them.

    They are cut apart only where somebody asks for them: copying each takes as long as half of
    its parsing.

    Args:
        block: whole lines, the last one with its line feed.
    """

    def __init__(self, block: bytes) -> None:
        self.block = block

    @cached_property
    def _controls(self) -> Array:
        """The places of all control characters, line feeds among them."""
        return places_below(bytes_of(self.block), _BLANK)

    @cached_property
    def ends(self) -> Array:
        """The place behind each line feed."""
        ends: Array = self._controls[bytes_of(self.block)[self._controls] == _LINE_FEED] + 1
        return ends

    def are_objects(self) -> Array:
        """Whether each begins with { and ends with }, and holds no control character.

        No JSON value goes from one such line into the next: where } ends a line inside of a value,
        the next line would have to begin with a comma or a bracket.
        """
        values = bytes_of(self.block)
        starts = np.concatenate((np.zeros(1, np.int64), self.ends[:-1]))
        lasts = values[np.maximum(self.ends - 2, 0)]
        found: Array = (values[starts] == _OPEN) & (lasts == _CLOSE)
        if len(self._controls) > len(self.ends):
            others = self._controls[values[self._controls] != _LINE_FEED]
            found[np.searchsorted(self.ends, others, "right")] = False
        return found

    @cached_property
    def _cut(self) -> list[bytes]:
        return self.block.split(b"\n")[:-1]

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._cut)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        return self._cut[place]
