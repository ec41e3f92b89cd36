"""Every row of a batch gets its own adapter in the same pass through the base model."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from worker.chat.adapters import Adapter, LowRank


class Mixture:
    """Changes what a base model's linear layers compute, row by row.

    LoRA adds low-rank products: for each layer the rows' matrices are stacked once (ranks filled up
    with zeros, which add nothing) and applied by two batched products, `output + (x @ down) @ up`,
    instead of one pair for each adapter as PEFT's mixed batches do. Rows that all have the same
    adapter share its matrices as they are. IA3 multiplies what goes in or comes out; rows without
    it are multiplied by one. The base model itself is never changed.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        """Starts with the base model alone."""
        self._modules = dict(model.named_modules())
        self._rows: list[Adapter | None] | None = None
        self._hooks: list[RemovableHandle] = []

    def arrange(self, rows: list[Adapter | None]) -> None:
        """From now on row i of every batch is answered with `rows[i]`; None is the base alone."""
        if self._rows is not None and list(map(id, rows)) == list(map(id, self._rows)):
            return
        self._rows = None  # until all is in place: memory may run out between two layers
        while self._hooks:
            self._hooks.pop().remove()
        there = [row for row in rows if row is not None]
        for name in sorted({name for row in there for name in row.layers}):
            self._hooks.append(self._added(name, rows))
        for key in sorted({key for row in there for key in row.scales}):
            self._hooks.append(self._scaled(key, rows))
        self._rows = list(rows)

    def _added(self, name: str, rows: list[Adapter | None]) -> RemovableHandle:
        layers = [None if row is None else row.layers.get(name) for row in rows]
        first = layers[0]
        is_shared = len(layers) > 1 and all(layer is first for layer in layers)
        added = _Shared(first) if first is not None and is_shared else _stacked(layers)
        return self._modules[name].register_forward_hook(added.add)

    def _scaled(self, key: tuple[str, bool], rows: list[Adapter | None]) -> RemovableHandle:
        name, on_the_way_in = key
        module = self._modules[name]
        factors = [None if row is None else row.scales.get(key) for row in rows]
        one = next(torch.ones_like(factor) for factor in factors if factor is not None)
        filled = torch.stack([one if factor is None else factor for factor in factors])
        times = _Factors(filled[:, None])
        if on_the_way_in:
            return module.register_forward_pre_hook(times.of_input)
        return module.register_forward_hook(times.of_output)


@dataclass(frozen=True)
class _Shared:
    """What the one adapter of all rows adds at one layer."""

    layer: LowRank

    def add(self, module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        """A forward hook; inputs[0] is [..., inputs], output [..., outputs]."""
        layer = self.layer
        if layer.stretch is not None:
            plain = output if module.bias is None else output - module.bias
            output = output + layer.stretch * plain
        low = inputs[0].flatten(0, -2).to(layer.down.dtype) @ layer.down
        return torch.addmm(output.flatten(0, -2), low, layer.up).view(output.shape)


@dataclass(frozen=True)
class _Stack:
    """What the rows' adapters add at one layer.

    Attributes:
        down: shape [rows, inputs, rank].
        up: shape [rows, rank, outputs].
        stretch: shape [rows, 1, outputs]; None when no row uses DoRA.
    """

    down: torch.Tensor
    up: torch.Tensor
    stretch: torch.Tensor | None

    def add(self, module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        """A forward hook; inputs[0] is [rows, tokens, inputs], output [rows, tokens, outputs]."""
        x = inputs[0]
        if x.dim() != 3 or x.shape[0] != self.down.shape[0]:
            raise RuntimeError(f"{type(module).__name__} got {tuple(x.shape)}: the rows are mixed")
        if self.stretch is not None:
            plain = output if module.bias is None else output - module.bias
            output = output + self.stretch * plain
        return torch.baddbmm(output, torch.bmm(x.to(self.down.dtype), self.down), self.up)


@dataclass(frozen=True)
class _Factors:
    """What the rows' adapters multiply by at one layer, float32, shape [rows, 1, features]."""

    factors: torch.Tensor

    def of_input(self, _module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """A forward pre-hook."""
        return (self._times(inputs[0]), *inputs[1:])

    def of_output(self, _module: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        """A forward hook."""
        return self._times(output)

    def _times(self, values: torch.Tensor) -> torch.Tensor:
        if values.dim() != 3 or values.shape[0] != self.factors.shape[0]:
            raise RuntimeError(f"{tuple(values.shape)}: the rows are mixed")
        return (values * self.factors).to(values.dtype)


def _alone(layer: LowRank) -> _Stack:
    """A stack of one, which needs no copy."""
    stretch = None if layer.stretch is None else layer.stretch[None, None]
    return _Stack(layer.down[None], layer.up[None], stretch)


def _stacked(layers: list[LowRank | None]) -> _Stack:
    present = [layer for layer in layers if layer is not None]
    if len(layers) == 1:
        return _alone(present[0])
    rank = max(layer.down.shape[1] for layer in present)
    down = present[0].down.new_zeros(len(layers), present[0].down.shape[0], rank)
    up = down.new_zeros(len(layers), rank, present[0].up.shape[1])
    stretch = down.new_zeros(len(layers), 1, present[0].up.shape[1])
    for row, layer in enumerate(layers):
        if layer is None:
            continue
        down[row, :, : layer.down.shape[1]] = layer.down
        up[row, : layer.up.shape[0]] = layer.up
        if layer.stretch is not None:
            stretch[row, 0] = layer.stretch
    uses_dora = any(layer.stretch is not None for layer in present)
    return _Stack(down, up, stretch if uses_dora else None)
