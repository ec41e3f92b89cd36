"""Where an adapter sits: the linear layers of a model, by the names people know them by."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import torch
from peft.utils.constants import (
    SEQ_CLS_HEAD_NAMES,
    TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING,
    TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING,
)
from transformers.pytorch_utils import Conv1D

from storage.errors import StudioError
from storage.specs import RunSpec

_TINY = 64
"""A layer whose smaller side is so many times below the model's width mixes a few coefficients."""

_SECOND_FEEDFORWARD = (
    "down_proj", "mlp.c_proj", "mlp.dense_4h_to_h", "dense_4h_to_h", "fc2", "fc_out", "w2",
)  # fmt: skip
"""The second half of a feedforward part: what IA3 scales on its way in (arXiv 2205.05638)."""

_KEYS_AND_VALUES = ("k_proj", "v_proj", "qkv_proj", "query_key_value", "c_attn")
"""What makes keys and values, apart or in one piece; IA3 scales it on its way out."""


_OF_EXPERTS = ("gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3")


def linears(model: Any) -> dict[str, Any]:
    """Return the layers that an adapter can be put on, by their full name: all but the head.

    Beside experts in one piece only attention: PEFT takes names such as `up_proj` for theirs.
    """
    head = model.get_output_embeddings()
    heads = [head, *(getattr(model, name, None) for name in SEQ_CLS_HEAD_NAMES)]
    passed_over = _OF_EXPERTS if left_out(model) else ()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (torch.nn.Linear, Conv1D))
        and not any(module is one for one in heads)
        and name.rsplit(".", 1)[-1] not in passed_over
    }


def linear_names(model: Any) -> list[str]:
    """Return the last names of the layers that an adapter can be put on."""
    return sorted({name.rsplit(".", 1)[-1] for name in linears(model)})


def sizes(layer: Any) -> tuple[int, int]:
    """Return a layer's number of inputs and outputs."""
    if isinstance(layer, Conv1D):
        return int(layer.weight.shape[0]), int(layer.weight.shape[1])
    return layer.in_features, layer.out_features


def low_rank(spec: RunSpec, model: Any) -> list[str] | str:
    """Return the modules that learn through low ranks, as PEFT wants them; none named means all.

    Raises:
        StudioError: a named module is not in this model, or the rank is above a matrix's size.
    """
    there = linears(model)
    large = {name: layer for name, layer in there.items() if not _is_tiny(layer, model)}
    chosen = _matching(spec.target_modules, there, model) if spec.target_modules else large
    _require_room(spec, chosen)
    if spec.target_modules:
        return list(spec.target_modules)
    is_all = len(large) == len(there) and not left_out(model)
    return "all-linear" if is_all else list(large)


def scaled(spec: RunSpec, model: Any) -> tuple[list[str], list[str]]:
    """Return what IA3 scales: all its modules, and those of them that it scales on the way in.

    Raises:
        StudioError: a named module is not in this model, or there is none that IA3 is known for.
    """
    there = linears(model)
    if spec.target_modules:
        _matching(spec.target_modules, there, model)
        return list(spec.target_modules), _second_halves(spec.target_modules, there)
    kind = model.config.model_type
    known = TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(kind, [])
    if known and all(any(_is_at(name, target) for name in there) for target in known):
        return list(known), list(TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING[kind])
    found = [
        target
        for target in (*_KEYS_AND_VALUES, *_SECOND_FEEDFORWARD)
        if any(_is_at(name, target) for name in there)
    ]
    if not found:
        raise StudioError(
            "It is not known where IA3 belongs in this model.",
            f"Name the parts that learn, or choose LoRA. There are: {_listed(model)}.",
        )
    return found, [target for target in found if target in _SECOND_FEEDFORWARD]


def left_out(model: Any) -> list[str]:
    """Return the parts that no adapter of ours is put on: experts that are kept in one piece.

    PEFT can put LoRA on them, but in a form that the playground does not mix.
    """
    pieces = (name for name, weight in model.named_parameters() if weight.dim() == 3)
    return ["experts"] if any(".experts." in name for name in pieces) else []


def _is_at(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _second_halves(targets: Iterable[str], there: Iterable[str]) -> list[str]:
    """Return those names of second feedforward halves that the targets stand for."""
    wanted = [name for name in there if any(_is_at(name, target) for target in targets)]
    return [half for half in _SECOND_FEEDFORWARD if any(_is_at(name, half) for name in wanted)]


def _matching(targets: Iterable[str], there: dict[str, Any], model: Any) -> dict[str, Any]:
    """Return the layers that the targets name, each of them at least one."""
    found: dict[str, Any] = {}
    for target in targets:
        here = {name: layer for name, layer in there.items() if _is_at(name, target)}
        if not here:
            raise _unknown(target, model)
        found |= here
    return found


def _unknown(target: str, model: Any) -> StudioError:
    last = target.rsplit(".", 1)[-1]
    if last in ("lm_head", *SEQ_CLS_HEAD_NAMES, "embed_out"):
        return StudioError(
            f"The output layer {last} cannot learn in this studio.",
            f"Remove {last} from the parts that learn.",
        )
    if any(_is_at(name, target) for name, _ in model.named_modules()):
        return StudioError(
            f"{target} is no linear layer, and add-ons are put on linear layers only.",
            f"Leave the parts that learn empty, or choose among: {_listed(model)}.",
        )
    near = get_close_matches(last, linear_names(model), n=3, cutoff=0.5)
    meant = f"Did you mean {' or '.join(near)}? " if near else ""
    return StudioError(
        f"This base model has no part named {target}.",
        f"{meant}Leave the parts that learn empty, or choose among: {_listed(model)}.",
    )


def _listed(model: Any) -> str:
    return ", ".join(linear_names(model))


def _is_tiny(layer: Any, model: Any) -> bool:
    return min(sizes(layer)) <= max(1, model.config.get_text_config().hidden_size // _TINY)


def _require_room(spec: RunSpec, layers: dict[str, Any]) -> None:
    """Refuse a rank above the smaller side of a matrix: no more can be learned there."""
    name, least = min(
        ((name, min(sizes(layer))) for name, layer in layers.items()), key=lambda one: one[1]
    )
    if spec.rank > least:
        inputs, outputs = sizes(layers[name])
        raise StudioError(
            f"The room to learn (rank) of {spec.rank} is above the size of {name}, "
            f"which is {inputs} x {outputs}.",
            f"Choose {least} or less, or name larger parts.",
        )
