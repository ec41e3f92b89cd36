"""Whether the weights are there, whole, inside the folder, and those that config.json announces."""

import re
from pathlib import Path
from typing import Any

from storage import model_facts, weight_files
from storage.errors import Fault, StudioError
from storage.weight_files import Tensor

# The first number in a tensor's name is its layer: model.layers.3.mlp..., transformer.h.3.attn...
_LAYER = re.compile(r"(?:^|\.)(\d+)\.")


def weight_faults(folder: Path, config: dict[str, Any] | None) -> list[Fault]:
    """List what is wrong with the weights of a folder that has some.

    Args:
        folder: the model's folder.
        config: its configuration, to compare with; None where that is not sound.
    """
    try:
        files = weight_files.of_folder(folder)
    except StudioError as error:
        return [Fault(weight_files.INDEX, str(error))]
    faults = _missing_files(files)
    tensors: list[Tensor] = []
    for file in files:
        if file.is_file() and is_inside(folder, file):
            try:
                tensors += weight_files.tensors(file)
            except StudioError as error:
                faults.append(Fault(file.name, str(error)))
    # With a file missing or damaged, every tensor in it would be listed as missing too.
    if faults:
        return faults
    announced = _announced_faults(config, tensors) if config else []
    return [*_index_faults(folder, tensors), *announced]


def is_inside(folder: Path, file: Path) -> bool:
    """Whether a file really lies in the folder.

    The hub library's cache is the one other place: its `snapshots/<commit>` holds links into
    the `blobs` beside it.
    """
    home, place = folder.resolve(), file.resolve()
    if place.is_relative_to(home):
        return True
    return home.parent.name == "snapshots" and place.parent == home.parent.parent / "blobs"


def _missing_files(files: list[Path]) -> list[Fault]:
    missing = [file.name for file in files if not file.is_file()]
    if not missing:
        return []
    which = f"{len(missing)} of {len(files)} weight files" if len(files) > 1 else "the weight file"
    return [Fault("weights", f"Missing: {which}: {', '.join(missing)}.")]


def _index_faults(folder: Path, tensors: list[Tensor]) -> list[Fault]:
    if (folder / weight_files.SINGLE).exists():
        return []
    lost = sorted(set(weight_files.weight_map(folder)) - {tensor.name for tensor in tensors})
    return [Fault("weights", f"The index lists {_some(lost)}, the files lack it.")] if lost else []


def _announced_faults(config: dict[str, Any], tensors: list[Tensor]) -> list[Fault]:
    """Compare the tensors with config.json: the library fills gaps with random numbers."""
    text = model_facts.text_config(config)
    messages = [
        _embedding_fault(text, tensors),
        _layers_fault(text, tensors),
        _head_fault(config, text, tensors),
    ]
    return [Fault("weights", message) for message in messages if message]


def _embedding_fault(text: dict[str, Any], tensors: list[Tensor]) -> str | None:
    table = model_facts.token_embedding(tensors)
    if table is None:
        return "The weights hold no table of token vectors (embedding): a part is missing."
    vocabulary = model_facts.size(text, "vocab_size")
    if vocabulary is not None and table.shape[0] != vocabulary:
        return (
            f"config.json announces {vocabulary:,} tokens, the weights hold {table.shape[0]:,}: "
            "they belong to different models."
        )
    return None


def _layers_fault(text: dict[str, Any], tensors: list[Tensor]) -> str | None:
    announced = model_facts.layer_count(text)
    found = {int(match[1]) for tensor in tensors if (match := _LAYER.search(tensor.name))}
    missing = [str(n) for n in range(announced or 0) if n not in found]
    if not missing:
        return None
    return f"The weights lack {_some(missing)} of {announced:,} layers that config.json announces."


def _head_fault(config: dict[str, Any], text: dict[str, Any], tensors: list[Tensor]) -> str | None:
    said = text.get("tie_word_embeddings", config.get("tie_word_embeddings"))
    if said is False and not model_facts.has_head(tensors):
        return "The weights lack the output layer (lm_head) that config.json announces."
    return None


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5:,} more" if len(names) > 5 else shown
