"""Fits an IA3 adapter to the resident base model: numbers that its layers are multiplied by."""

from typing import Final

import torch
from peft import IA3Config
from peft.tuners.tuners_utils import check_target_module_exists
from torch import nn

from storage.errors import StudioError
from worker.chat.adapter_files import AdapterFile

_ENDING: Final = ".ia3_l"


Scales = dict[tuple[str, bool], torch.Tensor]
"""What an IA3 adapter multiplies by (arXiv 2205.05638), float32 as PEFT computes with.

By the name of the layer and whether its input is multiplied (shape [inputs]), as in a feedforward
part, or its output (shape [outputs]).
"""


def fitted(
    file: AdapterFile,
    config: IA3Config,
    linears: dict[str, nn.Module],
    sizes: dict[str, tuple[int, int]],
) -> Scales:
    """What an IA3 adapter multiplies by.

    Args:
        file: the adapter.
        config: its settings.
        linears: the base model's linear layers, by name.
        sizes: inputs and outputs of each.

    Raises:
        StudioError: the adapter was made for another base model, or is incomplete.
    """
    foreign = sorted(key for key in file.tensors if not key.endswith(_ENDING))
    if foreign:
        raise StudioError(
            f'The adapter "{file.name}" holds {foreign[0]}, which the chat does not support.'
        )
    there = {key.removesuffix(_ENDING): tensor for key, tensor in file.tensors.items()}
    wanted = {name for name in linears if check_target_module_exists(config, name)}
    if wanted != set(there):
        odd = sorted(wanted ^ set(there))[0]
        raise StudioError(
            f'The adapter "{file.name}" does not fit this base model: they disagree about {odd}.',
            "Choose the base model that the adapter was trained on.",
        )
    found: Scales = {}
    for name, tensor in there.items():
        is_in = _is_feedforward(config, name)
        size = sizes[name][0] if is_in else sizes[name][1]
        if tensor.numel() != size:
            raise StudioError(
                f'The adapter "{file.name}" was made for {tensor.numel()} numbers at {name}, this '
                f"model has {size}.",
                "Choose the base model that the adapter was trained on.",
            )
        device = next(linears[name].parameters()).device
        found[name, is_in] = tensor.flatten().to(device, torch.float32)
    return found


def _is_feedforward(config: IA3Config, name: str) -> bool:
    """As PEFT decides it; a text would be a regular expression, which this studio never writes."""
    modules = config.feedforward_modules or []
    return any(name.endswith(ending) for ending in modules)
