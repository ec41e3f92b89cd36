"""What earlier answers have read, so that a talk that goes on is not read from its beginning."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

from worker.chat.adapters import Adapter
from worker.chat.row_cache import RowCache, leftward

_MOST: Final = 32
"""Texts that are kept: each is compared with every question."""


@dataclass(frozen=True, eq=False)
class _Read:
    """One text that was read.

    Attributes:
        reader: the adapter that read it, while somebody holds it; None for the base alone.
        tokens: shape [tokens].
        states: keys and values of each layer, shape [1, heads, tokens, features].
    """

    reader: "weakref.ref[Adapter] | None"
    tokens: torch.Tensor
    states: list[tuple[torch.Tensor, torch.Tensor]]

    @property
    def bytes(self) -> int:
        return sum(keys.nbytes + values.nbytes for keys, values in self.states)

    @property
    def is_good(self) -> bool:
        """Whether its adapter is still in memory."""
        return self.reader is None or self.reader() is not None

    def belongs_to(self, adapter: Adapter | None) -> bool:
        return (None if self.reader is None else self.reader()) is adapter and self.is_good

    def shared(self, tokens: torch.Tensor) -> int:
        """How many tokens both begin with."""
        length = min(len(self.tokens), len(tokens))
        return int((self.tokens[:length] == tokens[:length]).cumprod(0).sum())


class Reads:
    """Keys and values of ended answers, the least recently used let go first.

    A later question of the same contestant that begins with the same tokens, as the next turn of
    a talk does, and every talk under the same instructions, takes over what is there. What is
    taken over is what would be computed again: keys and values of a token depend on the tokens
    before it alone. They differ from those of a reading in one piece by rounding only.
    """

    def __init__(self, limit: int) -> None:
        """Starts empty; `limit`: bytes."""
        self._limit = limit
        self._kept: list[_Read] = []

    @property
    def bytes(self) -> int:
        """Memory that is taken."""
        return sum(read.bytes for read in self._kept)

    def clear(self) -> None:
        """Lets go of everything."""
        self._kept = []

    def keep(self, adapter: Adapter | None, said: Sequence[int], cache: RowCache, row: int) -> None:
        """Keeps what `adapter` has read: `said`, which are the last tokens of a row of `cache`."""
        tokens = torch.tensor(said)
        whole = cache.get_seq_length()
        size = sum(layer.keys[row].nbytes + layer.values[row].nbytes for layer in cache.layers)
        if size * len(said) > self._limit * whole:
            return
        fresh = _Read(
            None if adapter is None else weakref.ref(adapter),
            tokens,
            [
                tuple(one[row : row + 1, :, whole - len(said) :].clone() for one in states)
                for states in ((layer.keys, layer.values) for layer in cache.layers)
            ],
        )
        self._kept = [
            read
            for read in self._kept
            if read.is_good
            and not (read.belongs_to(adapter) and fresh.shared(read.tokens) == len(read.tokens))
        ]
        self._kept.append(fresh)
        while self.bytes > self._limit or len(self._kept) > _MOST:
            del self._kept[0]

    def taken_over(
        self, cache: RowCache, asked: list[tuple[Adapter | None, list[int]]], longest: int
    ) -> list[int]:
        """Puts into the empty `cache` what is known of texts that are to be read together.

        All are read on from the same column, so a text takes over no more than leaves it as many
        new tokens as the one of which least is known has; the last token is always read.

        Args:
            cache: gets the keys and values, padded on the left as the texts are.
            asked: of each text who reads it, and its tokens.
            longest: tokens of the longest text.

        Returns:
            Of each text how many tokens were taken over. The first `longest` less the new ones
            columns are in the cache; none where all are 0.
        """
        known = [self._best(adapter, tokens) for adapter, tokens in asked]
        new = max(
            len(tokens) - length for (_, tokens), (_, length) in zip(asked, known, strict=True)
        )
        columns = longest - new
        taken = [max(0, len(tokens) - new) for _, tokens in asked]
        if not columns:
            return taken
        like = next(read for read, _ in known if read is not None).states
        for index, pair in enumerate(like):
            keys, values = (
                torch.cat(
                    [
                        leftward(_of(read, index, which, length, pair[which]), columns, 2)
                        for (read, _), length in zip(known, taken, strict=True)
                    ]
                )
                for which in (0, 1)
            )
            cache.update(keys, values, index)
        return taken

    def _best(self, adapter: Adapter | None, tokens: list[int]) -> tuple[_Read | None, int]:
        """The read that begins as `tokens` for longest, and for how long."""
        wanted = torch.tensor(tokens)
        best, length = None, 0
        for read in self._kept:
            if read.belongs_to(adapter):
                shared = min(read.shared(wanted), len(tokens) - 1)
                if shared > length:
                    best, length = read, shared
        if best is not None:
            self._kept.remove(best)
            self._kept.append(best)
        return best, length


def _of(
    read: _Read | None, index: int, which: int, length: int, like: torch.Tensor
) -> torch.Tensor:
    """The first tokens' keys or values of one layer; none of a text that is not known."""
    if read is None or not length:
        return like[:, :, :0]
    return read.states[index][which][:, :, :length]
