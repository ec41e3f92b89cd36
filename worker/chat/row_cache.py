"""Keys and values of the rows of a batch, padded on the left to one length, with room to grow."""

from typing import Any, Final

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

_SPARE: Final = 64
"""Tokens that find room before everything is copied into a larger place."""


class GrowingLayer(DynamicLayer):
    """One layer's keys and values, shape [rows, heads, tokens, features].

    They lie in a place with room for more tokens, so that the next one is written beside them
    where the library would copy them all.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Adds the states of new tokens, and returns those of all."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        before = self.get_seq_length()
        after = before + key_states.shape[-2]
        if self._room is None or self._room[0].shape[-2] < after:
            self._room = (
                _larger(key_states, self.keys, after),
                _larger(value_states, self.values, after),
            )
        keys, values = self._room
        keys[:, :, before:after] = key_states
        values[:, :, before:after] = value_states
        self.keys, self.values = keys[:, :, :after], values[:, :, :after]
        return self.keys, self.values

    def hold(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Holds these instead."""
        self.keys, self.values, self._room = keys, values, None

    def shorten(self, length: int) -> None:
        """Forgets what came after the first `length` tokens."""
        if self.is_initialized and self.get_seq_length() > length:
            self.keys, self.values = self.keys[:, :, :length], self.values[:, :, :length]


class RowCache(DynamicCache):
    """The layers of all rows."""

    def __init__(self) -> None:
        """Starts empty."""
        super().__init__()
        self.layer_class_to_replicate = GrowingLayer

    def shorten(self, length: int) -> None:
        """Forgets what came after the first `length` tokens, in every layer that has come to it."""
        for layer in self.layers:
            layer.shorten(length)

    def select(self, rows: torch.Tensor, spare: int = 0) -> None:
        """Keeps `rows`, in their order, without the first `spare` tokens.

        Layer by layer, to need little memory: after an error it is good for nothing.
        """
        for layer in self.layers:
            layer.hold(layer.keys[rows, :, spare:], layer.values[rows, :, spare:])

    def join(self, other: "RowCache", length: int) -> None:
        """Lays the rows of `other` below, all filled up on the left to `length`.

        Rotary positions are in the keys already, so the padding may grow. Layer by layer, to need
        little memory: after an error it is good for nothing.
        """
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            mine.hold(
                _joined(mine.keys, theirs.keys, length), _joined(mine.values, theirs.values, length)
            )


def _larger(like: torch.Tensor, held: torch.Tensor, length: int) -> torch.Tensor:
    """A place for `length` tokens and some more, with what is `held` already at its beginning."""
    rows, heads, _, features = like.shape
    place = like.new_empty(rows, heads, length + max(_SPARE, length // 8), features)
    if held.numel():
        place[:, :, : held.shape[2]] = held
    return place


def leftward(states: torch.Tensor, length: int, axis: int) -> torch.Tensor:
    """`states`, filled up with zeros on the left of `axis` to `length`."""
    shape = list(states.shape)
    shape[axis] = length - shape[axis]
    return torch.cat([states.new_zeros(shape), states], dim=axis)


def _joined(first: torch.Tensor, second: torch.Tensor, length: int) -> torch.Tensor:
    return torch.cat([leftward(states, length, 2) for states in (first, second)])
