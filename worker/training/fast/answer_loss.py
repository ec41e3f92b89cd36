"""The loss at the positions that are learned, its gradient computed in the same pass.

Neither the logits of prompt and padding are ever computed nor those of a whole block held.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from worker.training.tokens import IGNORED

_POSITIONS = 256
"""Whose logits are held at once."""
STEP = 64
"""Tokens and positions are rounded up to multiples of it: of each new size a processor's library
compiles its products anew, and keeps them all."""
_FLAT = {
    *("input_ids", "position_ids", "seq_idx"),
    *("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k"),
}
"""What a model is given with rows that lie one behind the other."""
_ELEMENTS = 2**18
"""Logits worked on at once: so many stay in a core's cache."""


class OtherHeadError(Exception):
    """This model's head does more than to multiply."""


@dataclass(frozen=True)
class Head:
    """A model's output layer and what the model does to the logits.

    Attributes:
        layer: the linear layer over the vocabulary.
        cap: the logits are bent softly to lie within plus and minus this; None: they are not.
        kept: its frozen weight in the format of products; None: it is cast each time.
    """

    layer: nn.Linear
    cap: float | None = None
    kept: torch.Tensor | None = None

    @classmethod
    def of(cls, model: Any) -> "Head":
        """Return a causal model's head. Raises OtherHeadError."""
        layer, config = model.get_output_embeddings(), model.config.get_text_config()
        if type(layer) is not nn.Linear:
            raise OtherHeadError(f"its output layer is a {type(layer).__name__}")
        softly = getattr(config, "final_logit_softcapping", None)
        scaled = [name for name in _SCALES if getattr(config, name, None) not in (None, 1, 1.0)]
        if scaled:
            raise OtherHeadError(f"its logits are scaled ({scaled[0]})")
        return cls(layer, softly)

    def keeping(self, products: torch.dtype | None) -> "Head":
        """Return a head that keeps its weight in the format of products, unless it learns."""
        weight = self.layer.weight
        if products in (None, weight.dtype) or weight.requires_grad:
            return self
        return replace(self, kept=weight.detach().to(products))


_SCALES = ("logit_scale", "logits_scaling", "output_multiplier", "lm_head_multiplier")


@contextmanager
def installed(model: Any, head: Head) -> Iterator[None]:
    """Let a model's forward return the summed loss alone, while in here, where asked for it.

    It is asked by `summed=True` and `labels`, also through a wrapper such as PEFT's.

    Raises:
        OtherHeadError: its layers and its head are one.
    """
    if model.base_model is model:
        raise OtherHeadError("its layers and its head are one")
    usual = model.forward

    @functools.wraps(usual)
    def forward(*args: Any, summed: bool = False, **inputs: Any) -> Any:
        if not summed:
            return usual(*args, **inputs)
        labels = inputs.pop("labels")
        given = {name: value for name, value in inputs.items() if value is not None}
        hidden = model.base_model(*args, **_rounded(given), use_cache=False).last_hidden_state
        return {"loss": sum_over(hidden, head, labels)}

    model.forward = forward
    try:
        yield
    finally:
        model.forward = usual


def _rounded(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a model is given with a row of padding behind the rows of a flat block."""
    ids = given.get("input_ids")
    if ids is None or not given.keys() <= _FLAT or len(ids) != 1 or "position_ids" not in given:
        return given
    lacking = -ids.shape[1] % STEP
    more = torch.arange(lacking, device=ids.device)[None]
    found = {**given, "input_ids": nn.functional.pad(ids, (0, lacking))}
    found["position_ids"] = torch.cat([given["position_ids"], more], 1)
    if lacking and "seq_idx" in given:
        found["seq_idx"] = nn.functional.pad(
            given["seq_idx"], (0, lacking), value=int(given["seq_idx"].max()) + 1
        )
    for side in ("q", "k"):
        if lacking and f"cu_seq_lens_{side}" in given:
            ends, longest = given[f"cu_seq_lens_{side}"], given[f"max_length_{side}"]
            found[f"cu_seq_lens_{side}"] = torch.cat([ends, ends[-1:] + lacking])
            found[f"max_length_{side}"] = max(longest, lacking)
    return found


def sum_over(hidden: torch.Tensor, head: Head, labels: torch.Tensor) -> torch.Tensor:
    """Return the summed negative log-likelihood, in float32.

    Args:
        hidden: what goes into the head, of shape (examples, tokens, size).
        head: see `Head`.
        labels: of shape (examples, tokens), not shifted; IGNORED where nothing is learned.
    """
    learned = labels[:, 1:] != IGNORED
    asked = hidden[:, : learned.shape[1]][learned]
    asked = nn.functional.pad(asked, (0, 0, 0, -len(asked) % STEP))
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        asked = asked.to(torch.get_autocast_dtype(device))
    loss: torch.Tensor = _Summed.apply(
        asked, head.layer.weight, head.layer.bias, labels[:, 1:][learned], head
    )
    return loss


class _Summed(torch.autograd.Function):
    """Products in the format of `asked`, all else in float32."""

    @staticmethod
    def forward(
        ctx: Any,
        asked: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        targets: torch.Tensor,
        head: Head,
    ) -> torch.Tensor:
        is_learned = asked.requires_grad  # not so in an exam
        learns = (
            is_learned and weight.requires_grad,
            is_learned and bias is not None and bias.requires_grad,
        )
        used = weight.to(asked.dtype) if head.kept is None else head.kept
        shift = None if bias is None else bias.to(asked.dtype)
        found = torch.empty_like(asked) if is_learned else None
        weights = torch.zeros_like(weight, dtype=torch.float32) if learns[0] else None
        shifts = torch.zeros_like(bias, dtype=torch.float32) if learns[1] else None
        total = torch.zeros((), dtype=torch.float32, device=asked.device)
        with torch.autocast(asked.device.type, enabled=False):
            for start in range(0, len(asked), _POSITIONS):
                part = asked[start : start + _POSITIONS]
                wanted = targets[start : start + _POSITIONS]
                logits = nn.functional.linear(part, used, shift)
                total += into_gradients(logits[: len(wanted)], wanted, head)
                logits[len(wanted) :] = 0
                if found is not None:
                    torch.mm(logits, used, out=found[start : start + _POSITIONS])
                if weights is not None:
                    weights += logits.T @ part
                if shifts is not None:
                    shifts += logits.sum(0, dtype=torch.float32)
        ctx.save_for_backward(found, weights, shifts)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        found = [None if one is None else one * gradients[0] for one in ctx.saved_tensors]
        return (*found, None, None)


def into_gradients(logits: torch.Tensor, targets: torch.Tensor, head: Head) -> torch.Tensor:
    """Return the loss of some positions; the logits become the gradients with respect to them."""
    total = torch.zeros((), dtype=torch.float32, device=logits.device)
    piece = positions_of_a_piece(logits)
    for part, wanted in zip(logits.split(piece), targets[:, None].split(piece), strict=True):
        values = part.float()
        if head.cap is not None:
            values = torch.tanh(values / head.cap)
            bent = 1 - values.square()
            values = values * head.cap
        likelihoods = values.log_softmax(-1)
        total -= likelihoods.gather(1, wanted).sum()
        change = likelihoods.exp_()
        change.scatter_add_(1, wanted, change.new_full(wanted.shape, -1.0))
        part.copy_(change if head.cap is None else change.mul_(bent))
    return total


def positions_of_a_piece(logits: torch.Tensor) -> int:
    """Return how many positions of shape (positions, vocabulary) are turned at once."""
    return max(1, _ELEMENTS // logits.shape[1])
