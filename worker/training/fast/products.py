"""LoRA over a frozen linear layer as one function: cast once, summed in place."""

from typing import Any

import torch
from peft.tuners.lora.layer import Linear as LoraLinear
from torch import nn

_ADAPTER = "default"


def fits(layer: nn.Module) -> bool:
    """Tell whether it is plain LoRA over a plain frozen layer, with nothing dropped at random."""
    return (
        type(layer) is LoraLinear
        and type(layer.base_layer) is nn.Linear
        and not any(one.requires_grad for one in layer.base_layer.parameters())
        and layer.active_adapters == [_ADAPTER]
        and not layer.lora_variant
        and isinstance(layer.lora_dropout[_ADAPTER], nn.Identity)
        and layer.lora_B[_ADAPTER].bias is None
        and not layer.merged
        and not layer.disable_adapters
    )


def forward(layer: Any, inputs: torch.Tensor) -> torch.Tensor:
    """Return what a layer that `fits` returns."""
    down, up = layer.lora_A[_ADAPTER].weight, layer.lora_B[_ADAPTER].weight
    kind = inputs.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else inputs.dtype
    base = layer.base_layer
    out: torch.Tensor = _Product.apply(
        inputs.to(dtype), (base.weight.to(dtype), base.bias), down, up, layer.scaling[_ADAPTER]
    )
    return out


class _Product(torch.autograd.Function):
    """x W' + b + s (x A') B' in the format of x; the frozen W has no gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        frozen: tuple[torch.Tensor, torch.Tensor | None],
        down: torch.Tensor,
        up: torch.Tensor,
        scaling: float,
    ) -> torch.Tensor:
        weight, bias = frozen
        with torch.autocast(inputs.device.type, enabled=False):
            flat = inputs.reshape(-1, inputs.shape[-1])
            narrow, wide = down.to(flat.dtype), (up * scaling).to(flat.dtype)
            seen = flat @ narrow.T
            out = (
                flat @ weight.T
                if bias is None
                else torch.addmm(bias.to(flat.dtype), flat, weight.T)
            )
            out.addmm_(seen, wide.T)
        ctx.save_for_backward(flat, weight, narrow, wide, seen)
        ctx.scaling, ctx.shape, ctx.format = scaling, inputs.shape, down.dtype
        return out.view(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, weight, narrow, wide, seen = ctx.saved_tensors
        (gradient,) = gradients
        with torch.autocast(gradient.device.type, enabled=False):
            told = gradient.reshape(-1, gradient.shape[-1]).to(flat.dtype)
            back = told @ wide
            up = (told.T @ seen).to(ctx.format).mul_(ctx.scaling)
            down = (back.T @ flat).to(ctx.format)
            inputs = None
            if ctx.needs_input_grad[0]:
                inputs = torch.mm(told, weight).addmm_(back, narrow).view(ctx.shape)
        return inputs, None, down, up, None
