"""How a LoRA adapter begins: from the base model's own weights, or orthogonal.

Each beginning gives two factors a layer; `down` has shape [rank, inputs], `up` [outputs, rank]. A
beginning that takes the factors' product out of the base model (PiSSA, OLoRA) leaves what the model
computes as it was.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.functional import dequantize_4bit
from peft.tuners.lora import LoraLayer
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers.pytorch_utils import Conv1D

from storage import artifacts, weight_files
from storage.errors import StudioError
from worker.training.adapters.targets import sizes
from worker.training.job import Job
from worker.training.journal import journal

KEPT = "initial.safetensors"
"""The factors an adapter began with, as the names of its own file are."""

FROM_THE_BASE = ("pissa", "olora")
"""These take a part of the base model out and let it learn."""

SUBTRACTED = (*FROM_THE_BASE, "loftq")
"""These begin with factors that the published adapter, meant for the whole base, goes without."""

_LARGE = 1024
"""A weight whose smaller side is above this is decomposed in rounds."""

_ROUNDS = 16
"""As PiSSA's authors recommend; the result is that of all rounds up to noise."""

Factors = tuple[torch.Tensor, torch.Tensor]
_NAME = "default"


def begin(job: Job, model: Any) -> None:
    """Let every layer of a fresh adapter begin as the run's settings say; the same on a resume.

    The factors are computed once and kept in the run's folder: what a later attempt goes on from
    and what is published must not depend on computing them again bit for bit.
    """
    beginning = job.spec.beginning
    folder = kept_in(job)
    tensors = _kept(folder)
    if tensors is None:
        journal.info("computing what the adapter begins with")
        tensors = dict(_computed(job, model, beginning))
        artifacts.remove(folder)
        with artifacts.staged(folder, {"beginning": beginning}) as staging:
            save_file(tensors, staging / KEPT)
    for name, layer in layers(model):
        down, up = tensors[f"{name}.lora_A.weight"], tensors[f"{name}.lora_B.weight"]
        if beginning in FROM_THE_BASE:
            take_out(layer, (down, up))
        _put(layer, (down, up))
        if beginning == "loftq" and layer.use_dora[_NAME]:
            _measure(layer)
    if beginning in FROM_THE_BASE:
        model.peft_config[_NAME].init_lora_weights = beginning  # read back as what it is


def kept_in(job: Job) -> Path:
    """Return the folder below a run's own that holds the factors its adapter began with."""
    return job.run_folder / "beginning"


def layers(model: Any) -> Iterator[tuple[str, LoraLayer]]:
    """Yield the layers that have an adapter, by the name that PEFT's file gives them."""
    for name, module in model.named_modules():
        if isinstance(module, LoraLayer):
            yield name, module


def pissa(weight: torch.Tensor, rank: int, scaling: float) -> Factors:
    """Return the principal part of a weight [outputs, inputs] (arXiv 2404.02948, equation 2).

    Of a large weight by its fast way (section 3 of the paper), which takes seconds, not minutes;
    what is taken out of the base model is the product, so that nothing is lost by it.
    """
    left, values, right = _principal(weight, rank)
    root = (values[:rank] / scaling).sqrt()
    return root[:, None] * right[:rank], left[:, :rank] * root


def olora(weight: torch.Tensor, rank: int, _scaling: float) -> Factors:
    """Return the first columns and rows of a QR decomposition (arXiv 2406.01775, algorithm 1).

    Those of the first columns alone: the others have no say in them.
    """
    basis, _ = torch.linalg.qr(weight[:, :rank])
    return basis.T @ weight, basis


def orthogonal(weight: torch.Tensor, rank: int, _scaling: float) -> Factors:
    """Return random factors whose product is zero: they lie in orthogonal halves, as in PEFT."""
    basis, _ = torch.linalg.qr(torch.randn(rank, rank))
    outputs, inputs = weight.shape
    down = (torch.randn(inputs, rank // 2) @ basis[0::2]).T / 10.0
    up = torch.randn(outputs, rank // 2) @ basis[1::2] / 10.0
    return down, up


def loftq(lost: torch.Tensor, rank: int, scaling: float) -> Factors:
    """Return the principal part of what a weight lost when it was shrunk (arXiv 2310.08659).

    One round: the shrunk weight stays as the library made it.
    """
    return pissa(lost, rank, scaling)


_OF_THE_WEIGHT: dict[str, Callable[[torch.Tensor, int, float], Factors]] = {
    "pissa": pissa,
    "olora": olora,
    "orthogonal": orthogonal,
    "loftq": loftq,
}


def _principal(weight: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    if min(weight.shape) <= _LARGE:
        left, values, right = torch.linalg.svd(weight, full_matrices=False)
        return left, values, right
    with torch.random.fork_rng(devices=[]):  # it draws a few directions more than it keeps
        torch.manual_seed(0)
        left, values, turned = torch.svd_lowrank(weight, q=rank + 8, niter=_ROUNDS)
    return left, values, turned.T


def take_out(layer: Any, factors: Factors) -> None:
    """Subtract what the factors add from the base weight, in place."""
    down, up = factors
    base = layer.get_base_layer()
    device = base.weight.device
    part = layer.scaling[_NAME] * (up.to(device) @ down.to(device))
    rest = _whole(base) - part
    base.weight.data = _by_output(base, rest).to(base.weight.dtype).contiguous()


def _computed(job: Job, model: Any, beginning: str) -> Iterator[tuple[str, torch.Tensor]]:
    for name, layer in layers(model):
        base = layer.get_base_layer()
        weight = _whole(base) if beginning != "orthogonal" else torch.empty(sizes(base)[::-1])
        if beginning == "loftq":
            weight = _original(job.base_folder, name, base).to(weight.device) - weight
        rank, scaling = layer.r[_NAME], layer.scaling[_NAME]
        down, up = _OF_THE_WEIGHT[beginning](weight, rank, scaling)
        yield f"{name}.lora_A.weight", down.contiguous().cpu()
        yield f"{name}.lora_B.weight", up.contiguous().cpu()


def _whole(base: Any) -> torch.Tensor:
    """Return a layer's weight as it computes with it, [outputs, inputs] in float32."""
    state = getattr(base.weight, "quant_state", None)
    weight = base.weight.data if state is None else dequantize_4bit(base.weight.data, state)
    return _by_output(base, weight).float()


def _by_output(base: Any, weight: torch.Tensor) -> torch.Tensor:
    """Return a weight as [outputs, inputs], or back again: Conv1D keeps it the other way round."""
    return weight.T if isinstance(base, Conv1D) else weight


def _put(layer: Any, factors: Factors) -> None:
    device = layer.get_base_layer().weight.device
    down, up = (factor.to(device) for factor in factors)
    layer.lora_A[_NAME].weight.data = down.clone()
    layer.lora_B[_NAME].weight.data = up.clone()


def _measure(layer: Any) -> None:
    """Give DoRA the length of each output's weights as they are with these factors on top."""
    added = layer.lora_B[_NAME].weight.data @ layer.lora_A[_NAME].weight.data
    weight = _whole(layer.get_base_layer()) + layer.scaling[_NAME] * added
    layer.lora_magnitude_vector[_NAME].weight.data = torch.linalg.norm(weight, dim=1)


def _original(folder: Path, name: str, base: Any) -> torch.Tensor:
    """Return a layer's weight, [outputs, inputs] in float32, as the base model's files have it."""
    wanted = f"{name.removeprefix('base_model.model.')}.weight"
    for path in weight_files.of_folder(folder):
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            found = wanted if wanted in names else wanted.partition(".")[2]
            if found in names:
                tensor: torch.Tensor = file.get_tensor(found)
                turned = base.source_cls is Conv1D  # the library turned it round when shrinking
                return tensor.float().T if turned else tensor.float()
    raise StudioError(
        f"LoftQ needs the whole weights of {name}, and this base model's files name them "
        "differently.",
        "Choose another beginning for the add-on.",
    )


def _kept(folder: Path) -> dict[str, torch.Tensor] | None:
    try:
        artifacts.verify(folder)
    except artifacts.Damaged:
        if folder.exists():
            journal.warning("what the adapter began with is damaged; computing it again")
        return None
    return load_file(folder / KEPT)
