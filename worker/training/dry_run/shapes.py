"""The base model with shapes instead of numbers, as `worker.training.models` would load it."""

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.functional import QuantState
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.quantizers import AutoHfQuantizer

from storage.specs import RunSpec
from worker.training import models
from worker.training.dry_run.tracking import Tracker
from worker.training.precision import Precision

BLOCK = 64
"""Weights that share a scale in 4 bits."""

_NESTED = 256
"""Scales that share one of their own where they are shrunk again."""

_BY_LAYER = ("layer_types", "mlp_layer_types", "no_rope_layers")
"""Lists in a configuration that say something of each layer."""


def read_config(folder: Path) -> Any:
    """Return a model folder's configuration."""
    return AutoConfig.from_pretrained(folder, local_files_only=True)


def of_depth(config: Any, layers: int) -> Any:
    """Return the configuration of the same model with only its first layers."""
    found = copy.deepcopy(config)
    for part in {id(one): one for one in (found, found.get_text_config())}.values():
        for name in _BY_LAYER:
            if isinstance(getattr(part, name, None), list):
                setattr(part, name, getattr(part, name)[:layers])
    found.get_text_config().num_hidden_layers = layers
    return found


def blank(
    config: Any, spec: RunSpec, precision: Precision, kind: Any = AutoModelForCausalLM
) -> Any:
    """Return a model of that configuration whose weights are nowhere yet; see `fill`.

    Args:
        config: of the model.
        spec: of the run; says how it is shrunk, and how attention is computed.
        precision: number formats of the run.
        kind: the library's class for what the model shall do.
    """
    with torch.device("meta"):
        model = kind.from_config(config, dtype=precision.weights)
    shrinking = models.quantization(spec, precision)
    if shrinking is not None:
        quantizer = AutoHfQuantizer.from_config(shrinking)
        quantizer.preprocess_model(model=model, dtype=precision.weights, device_map={"": "cpu"})
        quantizer.postprocess_model(model)
        model.hf_quantizer = quantizer
    models.finish(model, spec, precision)
    return model.eval()


def fill(model: Any, tracker: Tracker) -> None:
    """Give a blank model weights that are counted and take no memory; the tracker is entered."""
    made: dict[int, Any] = {}
    wide = model.get_input_embeddings().weight.dtype

    def counted(tensor: torch.Tensor) -> Any:
        if id(tensor) not in made:
            empty = tracker.empty(tensor.shape, tensor.dtype)
            is_weight = isinstance(tensor, torch.nn.Parameter)
            made[id(tensor)] = (
                torch.nn.Parameter(empty, requires_grad=tensor.requires_grad)
                if is_weight
                else empty
            )
        return made[id(tensor)]

    for module in model.modules():
        shrink = _SHRUNK.get(type(module))
        if shrink is not None:
            shrink(module, tracker, wide)
        for kept in (module._parameters, module._buffers):
            for name, tensor in kept.items():
                if tensor is not None and tensor.device.type == "meta":
                    kept[name] = counted(tensor)


def _four_bits(layer: Any, tracker: Tracker, wide: torch.dtype) -> None:
    """Give a layer its weight in 4 bits, with a scale for each block (Dettmers et al. 2023)."""
    asked, shape = layer.weight, torch.Size((layer.out_features, layer.in_features))
    blocks = math.ceil(shape.numel() / BLOCK)
    scales: dict[str, Any] = {"absmax": tracker.empty((blocks,), torch.float32)}
    if asked.compress_statistics:
        outer = QuantState(
            absmax=tracker.empty((math.ceil(blocks / _NESTED),), torch.float32),
            code=tracker.empty((256,), torch.float32),
            blocksize=_NESTED,
            dtype=torch.float32,
        )
        scales = {
            "absmax": tracker.empty((blocks,), torch.uint8),
            "offset": tracker.empty((), torch.float32),
            "state2": outer,
        }
    weight: Any = _frozen((math.ceil(shape.numel() / 2), 1), torch.uint8, tracker)
    weight.quant_state = QuantState(
        **scales,
        shape=shape,
        code=tracker.empty((16,), torch.float32),
        blocksize=BLOCK,
        quant_type=asked.quant_type,
        dtype=wide,
    )
    weight.bnb_quantized, weight.compress_statistics = True, asked.compress_statistics
    weight.quant_type, weight.quant_storage = asked.quant_type, torch.uint8
    layer.weight, layer.quant_state = weight, weight.quant_state


def _eight_bits(layer: Any, tracker: Tracker, _wide: torch.dtype) -> None:
    """Give a layer its weight in 8 bits, with a scale for each row."""
    shape = (layer.out_features, layer.in_features)
    weight: Any = _frozen(shape, torch.int8, tracker)
    weight.CB, weight.has_fp16_weights = weight.data, False
    weight.SCB = tracker.empty((shape[0],), torch.float32)
    layer.weight = weight


def _frozen(shape: tuple[int, ...], dtype: torch.dtype, tracker: Tracker) -> torch.nn.Parameter:
    return torch.nn.Parameter(tracker.empty(shape, dtype), requires_grad=False)


_SHRUNK: dict[type[Any], Callable[[Any, Tracker, torch.dtype], None]] = {
    Linear4bit: _four_bits,
    Linear8bitLt: _eight_bits,
}
