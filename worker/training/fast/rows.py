"""Attention of rows that lie one behind the other, row by row instead of over the whole block.

The work is the sum of the rows' squared lengths, not the square of their sum. In bfloat16 a CPU's
own backward pass takes up to ten times as long as the matrix products it stands for: these are
taken instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

_QUERIES = 256
"""Queries whose scores are held at once in the backward pass."""


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
            attn_mask=_seen(rows, 0, b - a, query.device) if is_narrow else None,
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
        gradient = gradient.to(inputs[0].dtype).transpose(1, 2)
        # Zero: a key is looked at by several blocks of queries, which add up.
        found = tuple(torch.zeros_like(one.transpose(1, 2)).transpose(1, 2) for one in inputs)
        with torch.autocast(gradient.device.type, enabled=False):
            for a, b in ctx.rows:
                row = [one[0, :, a:b] for one in (*inputs, gradient)]
                _backward(row, [one[0, :, a:b] for one in found], ctx.rows, ctx.scale)
        return (*found, None, None)


def _backward(row: list[torch.Tensor], found: list[torch.Tensor], rows: Rows, scale: float) -> None:
    """Add the gradients of one row.

    Args:
        row: query, key, value and the gradient of the answer, each of shape (heads, tokens, size).
        found: where the gradients of query, key and value are added.
        rows: what a token sees.
        scale: of the scores.
    """
    query, key, value, gradient = row
    key_heads, length, size = key.shape
    for start in range(0, length, _QUERIES):
        end = min(start + _QUERIES, length)
        first = max(0, start - rows.window + 1) if rows.window is not None else 0
        # Query heads that share a key head lie one behind the other: one product serves them all.
        asked = (query[:, start:end] * scale).reshape(key_heads, -1, size)
        told = gradient[:, start:end].reshape(key_heads, -1, size)
        keys, values = key[:, first:end], value[:, first:end]
        scores = (asked @ keys.transpose(1, 2)).view(key_heads, -1, end - start, end - first)
        seen = _seen(rows, start, end, query.device, first)
        weights = (
            scores.masked_fill_(~seen, -torch.inf).softmax(-1).view(key_heads, -1, end - first)
        )
        found[2][:, first:end] += weights.transpose(1, 2) @ told
        change = torch._softmax_backward_data(
            told @ values.transpose(1, 2), weights, -1, weights.dtype
        )
        found[0][:, start:end] = (change @ keys).mul_(scale).view(-1, end - start, size)
        found[1][:, first:end] += change.transpose(1, 2) @ asked


def _seen(rows: Rows, start: int, end: int, device: torch.device, first: int = 0) -> torch.Tensor:
    """Return which keys (from `first` to `end`) the queries from `start` to `end` see."""
    queries = torch.arange(start, end, device=device)[:, None]
    keys = torch.arange(first, end, device=device)[None]
    seen = keys <= queries
    if rows.window is not None:
        seen &= keys > queries - rows.window
    return seen
