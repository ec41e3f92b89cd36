"""Muon moves by matrices whose singular values are about one, whatever the slopes."""

import pytest
import torch

from worker.starter.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 16, 40), (2, 40, 16)])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_singular_values_come_near_one(shape: tuple[int, ...], precision: torch.dtype) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 50
    values = torch.linalg.svdvals(orthogonal(matrices, precision))
    assert values.max() < 1.3
    assert values.median() > 0.6


def test_directions_stay() -> None:
    matrix = torch.randn(1, 12, 30, generator=torch.Generator().manual_seed(2))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.mT @ orthogonal(matrix, torch.float32) @ right.mT
    beside = turned - torch.diag_embed(turned.diagonal(dim1=1, dim2=2))
    assert beside.abs().max() < 1e-3


def test_a_step_goes_downhill_and_forgets_the_slopes() -> None:
    goal = torch.randn(8, 8, generator=torch.Generator().manual_seed(3))
    weight = torch.nn.Parameter(torch.zeros(8, 8))
    other = torch.nn.Parameter(torch.zeros(4, 8))
    muon = Muon([weight, other], torch.float32)
    before = float(goal.pow(2).sum())
    for step in range(60):
        loss = (weight - goal).pow(2).sum() + other.pow(2).sum()
        loss.backward()
        muon.step(0.2 * (1 - step / 60))
        assert weight.grad is None
    assert float((weight - goal).detach().pow(2).sum()) < 0.1 * before
