"""Rotary positions (Su et al., arXiv 2104.09864) in few passes over queries and keys."""

import inspect
from collections.abc import Callable
from typing import Any

import torch

_ASKED = ("q", "k", "cos", "sin")
_UNUSED = {"unsqueeze_dim", "position_ids"}


def fits(rotation: Callable[..., Any]) -> bool:
    """Tell whether a model's function turns as `rotate` does, by trying it."""
    names = list(inspect.signature(rotation).parameters)
    if tuple(names[:4]) != _ASKED or not set(names[4:]) <= _UNUSED:
        return False
    tried = torch.linspace(-1, 2, 48).view(1, 2, 3, 8)
    angles = torch.linspace(0, 4, 12).view(1, 3, 4).repeat(1, 1, 2)
    given = (tried, tried[:, :1].flip(-1), angles.cos(), angles.sin())
    with torch.autocast("cpu", enabled=False):
        try:
            pairs = list(zip(rotation(*given), rotate(*given), strict=True))
        except RuntimeError:  # it wants angles of another shape
            return False
    return all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


def rotate(
    query: torch.Tensor,
    key: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    unsqueeze_dim: int = 1,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return query and key, turned by their positions, as the library's function does.

    Args:
        query: of shape (examples, heads, tokens, size).
        key: of shape (examples, key heads, tokens, size).
        cos: of shape (examples, tokens, size).
        sin: likewise.
        unsqueeze_dim: where the heads are.
    """
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    return _turn(query, cos, sin), _turn(key, cos, sin)


def _turn(inputs: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn what there are angles for; the rest stays as it is."""
    size = cos.shape[-1]
    out: torch.Tensor = _Turned.apply(inputs[..., :size], cos, sin)
    if size == inputs.shape[-1]:
        return out
    return torch.cat([out, inputs[..., size:].to(out.dtype)], -1)


class _Turned(torch.autograd.Function):
    """x cos + (-x2, x1) sin for x = (x1, x2), in float32; in the format of products afterwards."""

    @staticmethod
    def forward(
        ctx: Any, inputs: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(cos, sin)
        ctx.format = inputs.dtype
        kind = inputs.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else inputs.dtype
        half = inputs.shape[-1] // 2
        values = inputs.to(cos.dtype)
        out = values * cos
        out[..., :half].addcmul_(values[..., half:], sin[..., :half], value=-1)
        out[..., half:].addcmul_(values[..., :half], sin[..., half:])
        return out.to(dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        cos, sin = ctx.saved_tensors
        values = gradients[0].to(cos.dtype)
        half = values.shape[-1] // 2
        out = values * cos
        out[..., :half].addcmul_(values[..., half:], sin[..., half:])
        out[..., half:].addcmul_(values[..., :half], sin[..., :half], value=-1)
        return out.to(ctx.format), None, None
