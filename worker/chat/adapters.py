"""Fits an adapter to the resident base model: every tensor has its place, shape and scale."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from peft import IA3Config, LoraConfig
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.integrations import dequantize_module_weight
from peft.utils.other import get_pattern_key
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from storage.errors import StudioError
from worker.chat import adapter_files, scaling
from worker.chat.adapter_files import AdapterFile
from worker.chat.scaling import Scales

_PART: Final = re.compile(r"(.+)\.(lora_A|lora_B|lora_magnitude_vector)(?:\.weight)?")
_LAYER: Final = re.compile(r"\.(\d+)\.")
_LINEARS: Final = (nn.Linear, Conv1D)


@dataclass(frozen=True)
class LowRank:
    """What an adapter adds to one linear layer: output + stretch * (output - bias) + x @ down @ up.

    Attributes:
        down: shape [inputs, rank].
        up: shape [rank, outputs]; alpha / rank and DoRA's magnitude are multiplied in.
        stretch: DoRA's magnitude / norm - 1 (arXiv 2402.09353, equation 5), shape [outputs];
            None for plain LoRA.
    """

    down: torch.Tensor
    up: torch.Tensor
    stretch: torch.Tensor | None


@dataclass(frozen=True, eq=False)
class Adapter:
    """An adapter in memory, ready for its base model; layers by the name of their module.

    Attributes:
        layers: what LoRA adds; none for IA3.
        bytes: memory it takes.
        scales: what IA3 multiplies by; none for LoRA.
    """

    layers: dict[str, LowRank]
    bytes: int
    scales: Scales = field(default_factory=dict)


def load(folder: Path, model: PreTrainedModel) -> Adapter:
    """Reads, checks and fits the adapter in `folder`; raises StudioError naming what is wrong."""
    file = adapter_files.read(folder)
    linears = {name: module for name, module in model.named_modules() if _is_linear(module)}
    if isinstance(file.config, IA3Config):
        sizes = {name: _sizes(linear) for name, linear in linears.items()}
        scales = scaling.fitted(file, file.config, linears, sizes)
        return Adapter({}, sum(factors.nbytes for factors in scales.values()), scales)
    parts = _by_layer(file, file.config)
    _refuse_other_base(file, parts, linears, model)
    wanted = {name for name in linears if check_target_module_exists(file.config, name)}
    if wanted != set(parts):
        odd = sorted(wanted ^ set(parts))[0]
        raise StudioError(
            f'The adapter "{file.name}" is incomplete: its settings and its weights disagree '
            f"about {odd}.",
            "Import or train it again.",
        )
    layers = {
        name: _fitted(file, file.config, parts[name], (name, linears[name]))
        for name in sorted(parts)
    }
    return Adapter(layers, sum(_size(layer) for layer in layers.values()))


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, _LINEARS)


def _by_layer(file: AdapterFile, config: LoraConfig) -> dict[str, dict[str, torch.Tensor]]:
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in file.tensors.items():
        match = _PART.fullmatch(key)
        if match is None:
            raise StudioError(
                f'The adapter "{file.name}" holds {key}, which the chat does not support.'
            )
        parts.setdefault(match[1], {})[match[2]] = tensor
    expected = {"lora_A", "lora_B"} | ({"lora_magnitude_vector"} if config.use_dora else set())
    for name, part in parts.items():
        if set(part) != expected:
            odd = ", ".join(sorted(set(part) ^ expected))
            raise StudioError(f'The adapter "{file.name}" is incomplete: {odd} of {name}.')
    return parts


def _refuse_other_base(
    file: AdapterFile,
    parts: dict[str, dict[str, torch.Tensor]],
    linears: dict[str, nn.Module],
    model: PreTrainedModel,
) -> None:
    missing = sorted(set(parts) - set(linears))
    if missing:
        raise _other_architecture(file.name, parts, linears, missing[0])
    made_for = {
        name: (part["lora_A"].shape[-1], part["lora_B"].shape[0]) for name, part in parts.items()
    }
    has = {name: _sizes(linears[name]) for name in parts}
    hidden = model.config.get_text_config().hidden_size
    for name in parts:
        if has[name][0] == hidden != made_for[name][0]:
            raise _wrong_base(file.name, f"hidden size {made_for[name][0]}", str(hidden))
    for name in parts:
        if has[name] != made_for[name]:
            raise _wrong_base(
                file.name,
                f"{_product(made_for[name])} weights at {name}",
                f"{_product(has[name])} there",
            )


def _product(sizes: tuple[int, int]) -> str:
    return f"{sizes[0]} x {sizes[1]}"


def _other_architecture(
    name: str, parts: dict[str, dict[str, torch.Tensor]], linears: dict[str, nn.Module], first: str
) -> StudioError:
    made_for, has = _depth(parts), _depth(linears)
    if made_for > has:
        return _wrong_base(name, f"a model with at least {made_for} layers", str(has))
    return _wrong_base(name, f"a model with a layer called {first}", "none")


def _depth(names: Iterable[str]) -> int:
    return 1 + max((int(match[1]) for name in names if (match := _LAYER.search(name))), default=-1)


def _wrong_base(name: str, made_for: str, has: str) -> StudioError:
    return StudioError(
        f'The adapter "{name}" was made for {made_for}, this model has {has}.',
        "Choose the base model that the adapter was trained on.",
    )


def _fitted(
    file: AdapterFile,
    config: LoraConfig,
    part: dict[str, torch.Tensor],
    layer: tuple[str, nn.Module],
) -> LowRank:
    name, linear = layer
    scale = _scale(file, config, name, part)
    device, dtype = linear.weight.device, _compute_dtype(linear)
    down, up = (part[key].to(device, torch.float32).T for key in ("lora_A", "lora_B"))
    up = up * scale
    stretch = None
    if "lora_magnitude_vector" in part:
        magnitude = part["lora_magnitude_vector"].to(device, torch.float32).flatten()
        stretch = magnitude / _norms(linear, down, up)
        up, stretch = up * stretch, (stretch - 1).to(dtype)
    return LowRank(down.to(dtype).contiguous(), up.to(dtype).contiguous(), stretch)


def _scale(
    file: AdapterFile, config: LoraConfig, name: str, part: dict[str, torch.Tensor]
) -> float:
    """LoRA's alpha / r (arXiv 2106.09685), or alpha / sqrt(r) for rsLoRA (arXiv 2312.03732)."""
    rank = part["lora_A"].shape[0]
    told = _pattern(config.rank_pattern, name, config.r)
    if rank != told or part["lora_B"].shape[1] != told:
        raise StudioError(
            f'The adapter "{file.name}" says rank {told}, its weights at {name} have {rank}.'
        )
    alpha = _pattern(config.alpha_pattern, name, config.lora_alpha)
    scale = float(alpha) / (math.sqrt(rank) if config.use_rslora else rank)
    if not math.isfinite(scale) or abs(scale) > adapter_files.LARGEST_SCALE:
        raise StudioError(
            f'The adapter "{file.name}" scales its changes by {scale:g}; '
            f"{adapter_files.LARGEST_SCALE:g} is the most that makes sense.",
            "Its lora_alpha is wrong.",
        )
    return scale


def _pattern(patterns: dict[str, float], name: str, otherwise: float) -> float:
    return patterns.get(get_pattern_key(list(patterns), name), otherwise)


def _norms(linear: nn.Module, down: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Length of each output's weights with the adapter on top, shape [outputs]."""
    weight = dequantize_module_weight(linear).float()
    by_input = weight if isinstance(linear, Conv1D) else weight.T
    return torch.linalg.norm(by_input + down @ up, dim=0)


def _sizes(linear: nn.Module) -> tuple[int, int]:
    if isinstance(linear, Conv1D):
        return int(linear.weight.shape[0]), int(linear.weight.shape[1])
    return linear.in_features, linear.out_features


def _compute_dtype(linear: nn.Module) -> torch.dtype:
    """The layer's own number format; that of its answers where its weights are quantized."""
    if linear.weight.dtype.is_floating_point:
        return linear.weight.dtype
    return getattr(linear, "compute_dtype", None) or torch.float32


def _size(layer: LowRank) -> int:
    tensors = (layer.down, layer.up, *(() if layer.stretch is None else (layer.stretch,)))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
