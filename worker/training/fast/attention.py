"""Attention row by row as one of the library's implementations, under a name of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from worker.training.fast.rows import Rows, attend

NAME = "rows"

_KNOWN = {
    "and_masks.<locals>.and_mask",
    "causal_mask_function",
    "packed_sequence_mask_function.<locals>.inner_mask",
    "remap_positions_for_packed_sequence.<locals>.inner_mask",
    "sliding_window_overlay.<locals>.inner_mask",
}
"""Parts of a mask that say: earlier tokens of the same row, perhaps only the nearest."""

_MEANT = ("softcap", "s_aux", "position_bias", "cache")
"""What else a layer may ask of attention, and is not done here."""


class OtherAttentionError(Exception):
    """This model asks for another kind of attention."""


@contextmanager
def by_row(model: Any) -> Iterator[None]:
    """Let a model compute attention row by row while in here.

    Its batches must be one example without padding, whose positions tell where rows begin.

    Raises:
        OtherAttentionError: it computes attention in a way of its own.
    """
    AttentionInterface.register(NAME, _attention)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, _mask)
    if not model._can_set_attn_implementation():
        raise OtherAttentionError("the model has its own")
    usual = model.config._attn_implementation
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)


def _mask(
    batch_size: int,
    q_length: int,
    mask_function: Any,
    attention_mask: torch.Tensor | None = None,
    local_size: int | None = None,
    **_: Any,
) -> Rows:
    """Return what the model would have had drawn as a mask. Raises OtherAttentionError."""
    if batch_size != 1 or attention_mask is not None:
        raise OtherAttentionError("the rows do not lie one behind the other")
    cuts: tuple[int, ...] = (0, q_length)
    for part in _parts(mask_function):
        if part.__qualname__ not in _KNOWN:
            raise OtherAttentionError(f"a mask made by {part.__qualname__}")
        numbers = _held(part).get("packed_sequence_mask")
        if numbers is not None:
            cuts = _cuts(numbers[0])
    return Rows(cuts, local_size)


def _parts(function: Any) -> Iterator[FunctionType]:
    """Yield a mask function and those that it is made of."""
    yield function
    for value in _held(function).values():
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, FunctionType):
                yield from _parts(inner)


def _held(function: FunctionType) -> dict[str, Any]:
    cells = function.__closure__ or ()
    names = function.__code__.co_freevars
    return {name: cell.cell_contents for name, cell in zip(names, cells, strict=True)}


def _cuts(numbers: torch.Tensor) -> tuple[int, ...]:
    """Return where the number of the row changes."""
    starts = (numbers.diff() != 0).nonzero().flatten() + 1
    return (0, *starts.tolist(), len(numbers))


def _attention(  # noqa: PLR0913, the library gives these
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Rows | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **asked: Any,
) -> tuple[torch.Tensor, None]:
    """Return attention of shape (1, tokens, heads, size). Raises OtherAttentionError."""
    if not isinstance(attention_mask, Rows):
        raise OtherAttentionError("a mask of the model's own")
    if not asked.get("is_causal", getattr(module, "is_causal", True)):
        raise OtherAttentionError("later tokens are seen as well")
    for name in _MEANT:
        if asked.get(name) is not None:
            raise OtherAttentionError(f"attention with {name}")
    dtype = query.dtype
    if torch.is_autocast_enabled(query.device.type):
        dtype = torch.get_autocast_dtype(query.device.type)
    found = attend(
        query.to(dtype), key.to(dtype), value.to(dtype), attention_mask, scale=scaling,
        dropout=dropout,
    )  # fmt: skip
    return found, None
