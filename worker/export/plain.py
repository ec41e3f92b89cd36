"""An adapter as plain LoRA over the original base model, whatever it learned as.

PiSSA and OLoRA learn over a changed base model, LoftQ over a shrunk one, AdaLoRA in three factors
with ranks of their own: no chat, no hub and no other program could use those files as they are.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"

Tensors = dict[str, torch.Tensor]


def write(source: Path, target: Path, initial: Path | None) -> None:
    """Fill a new folder with the plain form of the adapter in `source`.

    Args:
        source: an adapter as it learns, in PEFT's layout, with every direction of AdaLoRA.
        target: is made; gets the same names of files, with the chat format and tokenizer if any.
        initial: the factors that it began with and that the base model lacks, or None.
    """
    told = json.loads((source / CONFIG).read_bytes())
    tensors = load_file(source / WEIGHTS)
    if told["peft_type"] == "ADALORA":
        told, tensors = folded(told, tensors)
    if initial is not None:
        told, tensors = subtracted(told, tensors, load_file(initial))
    target.mkdir(parents=True)
    (target / CONFIG).write_text(json.dumps(told, indent=2, sort_keys=True), "utf-8")
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, target / WEIGHTS, {"format": "pt"})
    for path in (*source.glob("chat_template*"), *source.glob("tokenizer*")):
        shutil.copyfile(path, target / path.name)


def subtracted(
    told: dict[str, Any], tensors: Tensors, initial: Tensors
) -> tuple[dict[str, Any], Tensors]:
    """Return what was learned beyond the initial factors, at twice the rank.

    B A - B0 A0 = [B, -B0] [A; A0], so that nothing is rounded. DoRA's lengths stay as they are: the
    weights that they are of are the same.
    """
    found = dict(tensors)
    for name, began in initial.items():
        if name.endswith(".lora_A.weight"):
            found[name] = torch.cat([tensors[name], began], dim=0)
        else:
            found[name] = torch.cat([tensors[name], -began], dim=1)
    stretch = 2**0.5 if told["use_rslora"] else 2  # alpha / sqrt(2 r), or alpha / (2 r)
    changes = {"r": 2 * told["r"], "lora_alpha": told["lora_alpha"] * stretch}
    return {**told, **changes, "init_lora_weights": True}, found


def folded(told: dict[str, Any], tensors: Tensors) -> tuple[dict[str, Any], Tensors]:
    """Return AdaLoRA's three factors as two, without the directions that were taken away.

    The library computes B (A * E) alpha / (initial rank + 1e-5). All of that goes into the factors;
    alpha is each layer's rank, so that the result is scaled by 1. A layer that kept nothing keeps
    one direction of zeros.
    """
    scale = (told["lora_alpha"] or told["init_r"]) / (told["init_r"] + 1e-5)
    found, ranks = {}, {}
    for name, tensor in tensors.items():
        layer, _, part = name.rpartition(".lora_")
        if part not in ("A", "B", "E"):
            found[name] = tensor
        if part != "A":
            continue
        values = tensors[f"{layer}.lora_E"]
        kept = values[:, 0] != 0
        kept[0] |= not kept.any()
        found[f"{layer}.lora_A.weight"] = (tensor * values)[kept]
        found[f"{layer}.lora_B.weight"] = tensors[f"{layer}.lora_B"][:, kept] * scale
        ranks[layer.removeprefix("base_model.model.")] = int(kept.sum())
    most = max(ranks.values())
    differing = {layer: rank for layer, rank in ranks.items() if rank != most}
    config = LoraConfig(r=most, lora_alpha=most, rank_pattern=differing, alpha_pattern=differing)
    plain = {name: told.get(name, value) for name, value in config.to_dict().items()}
    own = ("peft_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern")
    return {**plain, **{name: config.to_dict()[name] for name in own}}, found
