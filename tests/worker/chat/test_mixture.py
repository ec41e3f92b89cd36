"""Every row of a pass gets its own adapter, whoever else is in it, and however many tokens."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from worker.chat.adapters import Adapter, LowRank
from worker.chat.mixture import Mixture

INPUTS, OUTPUTS = 6, 5


class Model(nn.Module):
    """Two layers side by side; `second` has no bias."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(INPUTS, OUTPUTS)
        self.second = nn.Linear(INPUTS, OUTPUTS, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.first(x), self.second(x)], dim=-1)


def low_rank(rank: int, *, dora: bool = False) -> LowRank:
    stretch = torch.rand(OUTPUTS) if dora else None
    return LowRank(torch.randn(INPUTS, rank), torch.randn(rank, OUTPUTS), stretch)


def adapter(**layers: LowRank) -> Adapter:
    return Adapter(layers, 1)


torch.manual_seed(2)
MODEL = Model().eval()
ADAPTERS: list[Adapter | None] = [
    None,
    adapter(first=low_rank(2), second=low_rank(2)),
    adapter(first=low_rank(4), second=low_rank(1)),
    adapter(second=low_rank(3)),
    adapter(first=low_rank(2, dora=True), second=low_rank(2, dora=True)),
    Adapter({}, 1, {("first", True): torch.rand(INPUTS), ("second", False): torch.rand(OUTPUTS)}),
]


def expected(x: torch.Tensor, number: int) -> torch.Tensor:
    """What one row becomes, by the formulas of the papers; x is [tokens, INPUTS]."""
    chosen = ADAPTERS[number] or Adapter({}, 0)
    parts = []
    for name, layer in (("first", MODEL.first), ("second", MODEL.second)):
        y = (x * chosen.scales.get((name, True), torch.ones(()))) @ layer.weight.T
        low = chosen.layers.get(name)
        if low is not None:
            y = y * (1 if low.stretch is None else 1 + low.stretch) + x @ low.down @ low.up
        y = y if layer.bias is None else y + layer.bias
        parts.append(y * chosen.scales.get((name, False), torch.ones(())))
    return torch.cat(parts, dim=-1)


@pytest.fixture(scope="module")
def mixture() -> Mixture:
    return Mixture(MODEL)  # type: ignore[arg-type]  (a language model only by its layers)


@torch.inference_mode()
def test_what_a_row_becomes_hangs_on_its_own_adapter_alone(mixture: Mixture) -> None:
    @given(
        rows=st.lists(st.integers(0, len(ADAPTERS) - 1), min_size=1, max_size=6),
        tokens=st.integers(1, 3),
        seed=st.integers(0, 1000),
    )
    def holds(rows: list[int], tokens: int, seed: int) -> None:
        x = torch.randn(len(rows), tokens, INPUTS, generator=torch.Generator().manual_seed(seed))
        mixture.arrange([ADAPTERS[number] for number in rows])
        told = MODEL(x)
        for row, number in enumerate(rows):
            torch.testing.assert_close(told[row], expected(x[row], number), rtol=1e-5, atol=1e-5)

    holds()


@torch.inference_mode()
def test_a_row_that_cannot_be_computed_leaves_the_others_alone(mixture: Mixture) -> None:
    x = torch.randn(3, 1, INPUTS)
    x[1] = float("inf")
    mixture.arrange([ADAPTERS[1], ADAPTERS[2], None])
    told = MODEL(x)
    assert not told[1].isfinite().all()
    for row, number in ((0, 1), (2, 0)):
        torch.testing.assert_close(told[row], expected(x[row], number), rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_rows_that_are_mixed_up_are_an_error_and_no_answer(mixture: Mixture) -> None:
    mixture.arrange([ADAPTERS[1], None])
    with pytest.raises(RuntimeError, match="the rows are mixed"):
        MODEL(torch.randn(3, 1, INPUTS))
    with pytest.raises(RuntimeError, match="the rows are mixed"):
        MODEL(torch.randn(2, INPUTS))


def test_the_base_alone_is_what_it_was(mixture: Mixture) -> None:
    mixture.arrange([ADAPTERS[1], ADAPTERS[5]])
    mixture.arrange([None, None])
    x = torch.randn(2, 3, INPUTS)
    plain = torch.cat([MODEL.first(x), MODEL.second(x)], dim=-1)
    assert not MODEL.first._forward_hooks
    assert not MODEL.second._forward_pre_hooks
    assert torch.equal(MODEL(x), plain)
