"""RMS norms with frozen weights: fewer passes over the numbers, and the answer as products want it.

Zhang and Sennrich, arXiv 1910.07467: y = x w / sqrt(mean(x^2) + eps).
"""

from typing import Any

import torch
from torch import nn

_NAMES = ("variance_epsilon", "eps")


def fits(layer: nn.Module) -> bool:
    """Tell whether a layer computes an RMS norm with a frozen weight, by trying it."""
    if not type(layer).__name__.endswith("RMSNorm") or not hasattr(layer, "weight"):
        return False
    if layer.weight.requires_grad or not any(hasattr(layer, name) for name in _NAMES):
        return False
    tried = torch.linspace(-2, 3, layer.weight.numel(), device=layer.weight.device)[None]
    with torch.no_grad(), torch.autocast(tried.device.type, enabled=False):
        return torch.allclose(layer(tried).float(), forward(layer, tried), rtol=1e-5, atol=1e-6)


def forward(layer: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Return what a layer that `fits` returns, in the format of products."""
    epsilon = next(getattr(layer, name) for name in _NAMES if hasattr(layer, name))
    weight = layer.weight.float()
    if type(layer).__name__.startswith("Gemma"):
        weight = weight + 1
    kind = inputs.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else inputs.dtype
    out: torch.Tensor = _Norm.apply(inputs, weight, epsilon, dtype)
    return out


class _Norm(torch.autograd.Function):
    """Sums and roots in float32; the answer in the format asked for."""

    @staticmethod
    def forward(
        ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, epsilon: float, dtype: torch.dtype
    ) -> torch.Tensor:
        with torch.autocast(inputs.device.type, enabled=False):
            values = inputs.float()
            size = values.shape[-1]
            shrink = (
                torch.linalg.vecdot(values, values).div_(size).add_(epsilon).rsqrt_()[..., None]
            )
            ctx.save_for_backward(inputs, weight, shrink)
            return (values * shrink).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs, weight, shrink = ctx.saved_tensors
        with torch.autocast(inputs.device.type, enabled=False):
            values = inputs.float()
            change = gradients[0].to(torch.float32, copy=True)
            change.mul_(weight)  # of the numbers before they were weighed
            along = torch.linalg.vecdot(change, values)[..., None]
            along.mul_(shrink.pow(3)).div_(-values.shape[-1])
            change.mul_(shrink).addcmul_(values, along)
        return change.to(inputs.dtype), None, None, None
