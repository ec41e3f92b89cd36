"""Loss and gradients of a small packed block, by which two ways of computing are compared."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from worker.training.tokens import IGNORED

EXACT, ROUNDED = 1e-4, 5e-2
"""Largest difference as a share of the largest value; layers that round to 8 bits jump."""

_LENGTHS = (9, 1, 40, 14)
"""Tokens of the rows."""

_STIR = 0.02

Batch = dict[str, torch.Tensor]
Loss = Callable[[Batch], torch.Tensor]
"""Returns the summed loss of a batch."""

Found = dict[str, torch.Tensor]
"""The loss, and its gradients by the names of the parameters; `tokens`: by each token read."""


def batch(model: Any) -> Batch:
    """Return rows one behind the other, of which the second half of each is learned."""
    vocabulary = model.config.get_text_config().vocab_size
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(vocabulary, (1, sum(_LENGTHS)), generator=generator)
    positions = torch.cat([torch.arange(length) for length in _LENGTHS])[None]
    learned = torch.cat([torch.arange(length) * 2 >= max(length, 2) for length in _LENGTHS])[None]
    labels = ids.where(learned, IGNORED)
    found = {"input_ids": ids, "position_ids": positions, "labels": labels}
    return {name: value.to(model.device) for name, value in found.items()}


def measure(model: Any, loss: Loss, taken: Batch) -> Found:
    """Return the loss of a batch and its gradients, as without dropout and in float32."""
    names = {name: one for name, one in model.named_parameters() if one.requires_grad}
    with _as_in_an_exam(model), _reading(model) as read:
        value = loss(taken)
        found = torch.autograd.grad(value, [read[0], *names.values()], allow_unused=True)
    gradients = dict(zip(["tokens", *names], found, strict=True))
    return {
        "loss": value.detach(),
        **{name: one for name, one in gradients.items() if one is not None},
    }


def library_loss(model: Any) -> Loss:
    """Return the loss of the model's own logits, all of them computed."""

    def loss(taken: Batch) -> torch.Tensor:
        inputs = {name: value for name, value in taken.items() if name != "labels"}
        logits = model(**inputs, use_cache=False).logits.float()
        return nn.functional.cross_entropy(
            logits[0, :-1], taken["labels"][0, 1:], ignore_index=IGNORED, reduction="sum"
        )

    return loss


@contextmanager
def stirred(model: Any) -> Iterator[None]:
    """Give what learns and is still zero, as half of a fresh adapter is, some numbers in here."""
    zeros = [one for one in model.parameters() if one.requires_grad and not one.detach().any()]
    generator = torch.Generator().manual_seed(7)
    try:
        for one in zeros:
            noise = torch.randn(one.shape, generator=generator) * _STIR
            one.data.copy_(noise)
        yield
    finally:
        for one in zeros:
            one.data.zero_()


def difference(one: Found, other: Found) -> float:
    """Return the largest difference, each as a share of the largest value of its tensor."""
    if one.keys() != other.keys():
        return float("inf")
    return max(_share(one[name], other[name]) for name in one)


def tolerance(model: Any) -> float:
    """Return how large a difference may be."""
    rounds = any(_is_quantized(one, "Linear8bitLt") for one in model.modules())
    return ROUNDED if rounds else EXACT


def _is_quantized(module: nn.Module, name: str) -> bool:
    """Tell whether it is that layer of bitsandbytes; PEFT's own around it has the same name."""
    kind = type(module)
    return kind.__name__ == name and kind.__module__.startswith("bitsandbytes.")


def _share(one: torch.Tensor, other: torch.Tensor) -> float:
    largest = one.abs().max()
    if not torch.isfinite(largest) or not torch.isfinite(other).all():
        return float("inf")
    apart = (one - other).abs().max()
    return float(apart / largest) if largest else float(apart)


@contextmanager
def _as_in_an_exam(model: Any) -> Iterator[None]:
    """Switch dropout off, and let layers of 4 bits multiply in float32."""
    was_training = model.training
    four_bits = [one for one in model.modules() if _is_quantized(one, "Linear4bit")]
    formats = [one.compute_dtype for one in four_bits]
    model.eval()
    try:
        for layer in four_bits:
            layer.compute_dtype = torch.float32
        yield
    finally:
        for layer, compute in zip(four_bits, formats, strict=True):
            layer.compute_dtype = compute
        model.train(was_training)


@contextmanager
def _reading(model: Any) -> Iterator[list[torch.Tensor]]:
    """Give what the embedding layer returns, so that gradients reach each token."""
    read: list[torch.Tensor] = []

    def keep(_layer: nn.Module, _inputs: Any, out: torch.Tensor) -> None:
        read.append(out.requires_grad_() if out.is_leaf else out)

    hook = model.get_input_embeddings().register_forward_hook(keep)
    try:
        yield read
    finally:
        hook.remove()
