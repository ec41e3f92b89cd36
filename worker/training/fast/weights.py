"""Frozen weights in the format of the products, so that no step casts them anew."""

from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D


def keep_cast(model: Any, dtype: torch.dtype) -> int:
    """Turn the frozen linear layers' weights to the format that their products have; count them.

    Products stay what they were: autocast would round these weights each time. Layers whose weights
    learn, and those that share theirs with the embedding, stay as they are.
    """
    shared = {id(parameter) for parameter in model.get_input_embeddings().parameters()}
    cast = 0
    for layer in model.modules():
        if not isinstance(layer, (nn.Linear, Conv1D)):
            continue
        for parameter in layer.parameters(recurse=False):
            if _is_frozen(parameter) and id(parameter) not in shared:
                parameter.data = parameter.data.to(dtype)
                cast += 1
    return cast


def _is_frozen(parameter: nn.Parameter) -> bool:
    return not parameter.requires_grad and parameter.dtype == torch.float32
