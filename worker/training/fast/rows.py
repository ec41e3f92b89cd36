"""Attention of rows that lie one behind the other, row by row instead of over the whole block.

The work is the sum of the rows' squared lengths, not the square of their sum. In bfloat16 a CPU's
own backward pass takes up to ten times as long as the matrix products it stands for: these are
taken instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

_QUERIES = 128
"""Queries whose scores are held at once in the backward pass."""
_STEP = 64
"""Keys are taken in multiples of it: a processor's library compiles a product for each new size."""


@dataclass(frozen=True)
class Block:
    """Queries that are computed together in the backward pass.

    Attributes:
        start: the first query, and one after the last: `end`.
        first: the first key; the last one is that of the last query.
        mask: is added to the scores.
    """

    start: int
    end: int
    first: int
    mask: torch.Tensor


@dataclass(frozen=True)
class Rows:
    """How the tokens of a block are divided, and what a token sees of its row.

    Attributes:
        cuts: where the rows begin, and where the last one ends: 0, ..., tokens.
        window: so many tokens back it sees, itself among them; None: all of them.
    """

    cuts: tuple[int, ...]
    window: int | None = None

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield where each row begins and ends."""
        return pairwise(self.cuts)

    def is_narrow(self, length: int) -> bool:
        """Tell whether the window is shorter than a row of that length."""
        return self.window is not None and self.window < length

    @cached_property
    def blocks(self) -> list[Block]:
        """The blocks of the backward pass, whatever the rows' lengths; all layers have the same."""
        starts, end = torch.tensor(self.cuts[:-1]), self.cuts[-1]
        number = torch.repeat_interleave(torch.tensor(self.cuts).diff())
        return [
            self._block(start, min(start + _QUERIES, end), starts, number)
            for start in range(0, end, _QUERIES)
        ]

    def _block(self, start: int, end: int, starts: torch.Tensor, number: torch.Tensor) -> Block:
        """Return a block; `number` has each token's row, `starts` where each row begins."""
        first = int(starts[number[start]])
        if self.window is not None:
            first = max(first, start - self.window + 1)
        first -= first % _STEP
        same = number[start:end, None] == number[first:end]
        return Block(start, end, first, _added(self.seen(start, end, first) & same))

    def seen(self, start: int, end: int, first: int) -> torch.Tensor:
        """Return which keys from `first` on the queries from `start` to `end` see in a row."""
        queries, keys = torch.arange(start, end)[:, None], torch.arange(first, end)
        seen = keys <= queries
        return seen if self.window is None else seen & (keys > queries - self.window)


def _added(seen: torch.Tensor) -> torch.Tensor:
    return torch.zeros(seen.shape, dtype=torch.bfloat16).masked_fill_(~seen, -torch.inf)


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    rows: Rows,
    *,
    scale: float | None = None,
    dropout: float = 0.0,
) -> torch.Tensor:
    """Return causal attention within each row, of shape (1, tokens, heads, size), contiguous.

    Args:
        query: of shape (1, heads, tokens, size).
        key: of shape (1, key heads, tokens, size); heads is a multiple of key heads.
        value: of the key's shape.
        rows: see `Rows`.
        scale: of the scores; one over the root of the size where None.
        dropout: share of the weights that are dropped at random.
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    if query.dtype == torch.bfloat16 and not dropout:
        out: torch.Tensor = _Attention.apply(query, key, value, rows, scale)
        return out
    return _forward(query, key, value, rows, scale, dropout)


def _forward(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    rows: Rows,
    scale: float,
    dropout: float = 0.0,
) -> torch.Tensor:
    found = []
    for a, b in rows:
        is_narrow = rows.is_narrow(b - a)
        row = scaled_dot_product_attention(
            query[:, :, a:b],
            key[:, :, a:b],
            value[:, :, a:b],
            attn_mask=rows.seen(0, b - a, 0) if is_narrow else None,
            dropout_p=dropout,
            is_causal=not is_narrow,
            scale=scale,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        found.append(row.transpose(1, 2))
    return torch.cat(found, 1)


class _Attention(torch.autograd.Function):
    """Forward by the library's kernel, backward by matrix products over blocks of queries."""

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        rows: Rows,
        scale: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(query, key, value)
        ctx.rows, ctx.scale = rows, scale
        return _forward(query, key, value, rows, scale)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, (gradient,) = ctx.saved_tensors, gradients
        given = [one[0] for one in (*inputs, gradient.to(inputs[0].dtype).transpose(1, 2))]
        found = [torch.zeros_like(one.transpose(1, 2)).transpose(1, 2) for one in inputs]
        with torch.autocast(gradient.device.type, enabled=False):
            for block in ctx.rows.blocks:
                _backward(block, given, [one[0] for one in found], ctx.scale)
        return (*found, None, None)


def _backward(
    block: Block, given: list[torch.Tensor], found: list[torch.Tensor], scale: float
) -> None:
    """Add the gradients that some queries give.

    Args:
        block: of queries.
        given: query, key, value and the answer's gradient, each of shape (heads, tokens, size).
        found: where the gradients of query, key and value are added; likewise.
        scale: of the scores.
    """
    query, key, value, gradient = given
    key_heads, _, size = key.shape
    count, keys = block.end - block.start, slice(block.first, block.end)
    # Query heads that share a key head lie one behind the other: one product serves them all.
    asked = (query[:, block.start : block.end] * scale).reshape(key_heads, -1, size)
    told = gradient[:, block.start : block.end].reshape(key_heads, -1, size)
    scores = torch.bmm(asked, key[:, keys].transpose(1, 2))
    scores.view(key_heads, -1, *block.mask.shape).add_(block.mask)
    weights = scores.softmax(-1)
    change = torch.bmm(told, value[:, keys].transpose(1, 2))
    change = torch._softmax_backward_data(change, weights, -1, weights.dtype)
    found[0][:, block.start : block.end] = (
        torch.bmm(change, key[:, keys]).mul_(scale).view(-1, count, size)
    )
    found[1][:, keys] += torch.bmm(change.transpose(1, 2), asked)
    found[2][:, keys] += torch.bmm(weights.transpose(1, 2), told)
