"""How far a student's next-token distributions are from a teacher's, position by position."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

from storage.errors import StudioError

_PROBE_TOKENS = 8
_TOLERANCE = 1e-2
"""Share of the largest score by which it may be off; 16-bit numbers round so."""


@dataclass(frozen=True)
class Head:
    """How a model makes scores of its last hidden states: scale, then cap, as its family does.

    Attributes:
        weight: shape (tokens, hidden).
        bias: shape (tokens,); None in nearly every family.
        scale: that the scores are multiplied by.
        cap: that they never exceed, `cap * tanh(scores / cap)`; None: there is none.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    scale: float
    cap: float | None

    def first(self, tokens: int) -> "Head":
        """Return the head for the first so many tokens; families fill their heads up unequally."""
        bias = None if self.bias is None else self.bias[:tokens]
        return Head(self.weight[:tokens], bias, self.scale, self.cap)


def head_of(model: Any) -> Head:
    """Return the head of a model, with an adapter around it or without."""
    layer, config = model.get_output_embeddings(), model.config.get_text_config()
    cap = getattr(config, "final_logit_softcapping", None)
    return Head(layer.weight, getattr(layer, "bias", None), _scale(config), cap)


def _scale(config: Any) -> float:
    """Each family has another name for it; Granite and MiniCPM3 divide, HyperCLOVA X does not."""
    for name in ("logit_scale", "output_multiplier", "lm_head_multiplier"):
        found = getattr(config, name, None)
        if found is not None:
            return float(found)
    scaling = getattr(config, "logits_scaling", None)
    if scaling is None:
        return 1.0
    return float(scaling) if config.model_type == "hyperclovax" else 1 / float(scaling)


def hidden_states(model: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the last hidden states, shape (rows, tokens, hidden).

    Args:
        model: with an adapter around it or without.
        ids: tokens, shape (rows, tokens); padding may stand on either side.
        mask: 1 where there is a token, 0 where padding; positions are counted without padding.
    """
    plain = model.base_model.model if hasattr(model, "peft_config") else model
    backbone = plain.base_model
    given: dict[str, Any] = {"input_ids": ids, "attention_mask": mask, "use_cache": False}
    if "position_ids" in inspect.signature(backbone.forward).parameters:
        given["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)
    states: torch.Tensor = backbone(**given).last_hidden_state
    return states


def divergences(
    student: tuple[torch.Tensor, Head],
    teacher: tuple[torch.Tensor, Head],
    beta: float,
    temperature: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the generalised Jensen-Shannon divergence (arXiv 2306.13649) and the entropy, in nats.

    0 is the forward Kullback-Leibler divergence KL(teacher || student), 1 the reverse one, between
    them JSD(beta) with the mixture beta * teacher + (1 - beta) * student.

    Args:
        student: hidden states of shape (positions, hidden), and its head; learns.
        teacher: the same of the teacher, whose hidden size may be another.
        beta: 0 to 1.
        temperature: of both distributions.

    Returns:
        two of shape (positions,); the second is the student's entropy, without a gradient.
    """
    tokens = min(len(student[1].weight), len(teacher[1].weight))
    own, other = student[1].first(tokens), teacher[1].first(tokens)
    found: tuple[torch.Tensor, torch.Tensor] = ChunkedDivergenceFunction.apply(
        student[0], own.weight, own.bias, teacher[0], other.weight, other.bias,
        beta, temperature, own.scale, own.cap, other.scale, other.cap,
    )  # fmt: skip
    return found


@torch.no_grad()
def require_known_head(model: Any, name: str) -> None:
    """Raise StudioError where the scores of this very model are not what `Head` makes of them."""
    ids = torch.arange(_PROBE_TOKENS, device=model.device)[None]
    mask = torch.ones_like(ids)
    head, states = head_of(model), hidden_states(model, ids, mask)
    made = torch.nn.functional.linear(states.to(head.weight.dtype), head.weight, head.bias)
    made = made.float() * head.scale
    if head.cap is not None:
        made = head.cap * torch.tanh(made / head.cap)
    scores = model(input_ids=ids, attention_mask=mask, use_cache=False).logits.float()
    if (scores - made).abs().max() > _TOLERANCE * scores.abs().max():  # NaN is told by the steps
        raise StudioError(
            f"{name} scores its words in a way of its own ({model.config.model_type}), so that "
            "it cannot take part in learning from a larger model.",
            "Choose another model, or let the larger one write answers under Prepare.",
        )
