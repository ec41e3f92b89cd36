"""Attention row by row is that of each row alone, and so are its gradients."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from worker.training.fast.rows import Rows, attend

HEADS, KEY_HEADS, SIZE = 4, 2, 16
LENGTHS = {"short": (3, 1, 40, 60, 20), "long": (130, 5, 600, 300), "alone": (90,)}


def numbers(lengths: tuple[int, ...]) -> list[torch.Tensor]:
    """Return query, key, value and what the answer is multiplied by."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(1, heads, sum(lengths), SIZE) for heads in (HEADS, KEY_HEADS, KEY_HEADS, HEADS)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def each_alone(given: list[torch.Tensor], rows: Rows, scale: float) -> list[torch.Tensor]:
    """Return answers and gradients, computed in double precision from the definition."""
    query, key, value, told = [one.double().requires_grad_() for one in given]
    found = []
    for a, b in rows:
        far = torch.arange(b - a)[:, None] - torch.arange(b - a)
        seen = (far >= 0) & (far < (rows.window or b - a))
        keys, values = (one[:, :, a:b].repeat_interleave(2, 1) for one in (key, value))
        scores = query[:, :, a:b] @ keys.transpose(2, 3) * scale
        found.append(scores.masked_fill(~seen, -torch.inf).softmax(-1) @ values)
    out = torch.cat(found, 2)
    return [out.transpose(1, 2), *torch.autograd.grad(out, (query, key, value), told)]


def by_row(given: list[torch.Tensor], rows: Rows, scale: float) -> list[torch.Tensor]:
    query, key, value = (one.clone().requires_grad_() for one in given[:3])
    out = attend(query, key, value, rows, scale=scale)
    gradients = torch.autograd.grad(out, (query, key, value), given[3].transpose(1, 2))
    return [out, *gradients]


@pytest.mark.parametrize("window", [None, 16])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize(("dtype", "apart"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
def test_answers_and_gradients_are_those_of_each_row_alone(
    dtype: torch.dtype, apart: float, lengths: tuple[int, ...], window: int | None
) -> None:
    cuts = (0, *torch.tensor(lengths).cumsum(0).tolist())
    rows, given = Rows(cuts, window), [one.to(dtype) for one in numbers(lengths)]
    expected = each_alone(given, rows, 0.3)
    for one, other in zip(by_row(given, rows, 0.3), expected, strict=True):
        assert one.dtype == dtype
        assert (one.double() - other).abs().max() <= apart * other.abs().max()


def test_a_later_token_and_another_row_change_nothing() -> None:
    rows, given = Rows((0, 50, 200)), [one.bfloat16() for one in numbers((50, 150))]
    before = attend(*given[:3], rows)
    for one in given[:3]:
        one[:, :, 30] += 1
    after = attend(*given[:3], rows)
    changed = (before != after).any(-1).any(-1)[0].nonzero().flatten()
    assert changed.tolist() == list(range(30, 50))


def test_weights_are_dropped_where_asked() -> None:
    rows, given = Rows((0, 40)), numbers((40,))
    torch.manual_seed(0)
    dropped = attend(*given[:3], rows, dropout=0.5)
    plain = scaled_dot_product_attention(*given[:3], is_causal=True, enable_gqa=True)
    assert not torch.allclose(dropped, plain.transpose(1, 2))
