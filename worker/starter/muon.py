"""Muon: momentum whose matrices are made orthogonal, which a small model learns from fastest."""

import math

import torch

# Five rounds of Newton-Schulz with the coefficients of Keller Jordan's Muon, and his momentum:
# https://kellerjordan.github.io/posts/muon/
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ROUNDS = 5
MOMENTUM = 0.95


class Muon:
    """Moves weight matrices; unlike `torch.optim.Muon` in the precision that this machine likes.

    Matrices of one shape are worked on together, which takes half of the time.
    """

    def __init__(self, matrices: list[torch.nn.Parameter], precision: torch.dtype) -> None:
        shapes = sorted({tuple(matrix.shape) for matrix in matrices})
        self._groups = [[m for m in matrices if tuple(m.shape) == shape] for shape in shapes]
        self._momenta = [torch.zeros(len(group), *group[0].shape) for group in self._groups]
        self._precision = precision

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Moves every matrix against its gradient by `rate`, then forgets the gradients."""
        for group, momentum in zip(self._groups, self._momenta, strict=True):
            slopes = torch.stack([matrix.grad for matrix in group if matrix.grad is not None])
            momentum.lerp_(slopes, 1 - MOMENTUM)
            moves = orthogonal(slopes.lerp(momentum, MOMENTUM), self._precision)
            rows, columns = group[0].shape
            scale = rate * math.sqrt(max(1, rows / columns))
            for matrix, move in zip(group, moves, strict=True):
                matrix.sub_(move, alpha=scale)
                matrix.grad = None


def orthogonal(matrices: torch.Tensor, precision: torch.dtype) -> torch.Tensor:
    """Matrices (count, rows, columns) with the same directions, all singular values about one."""
    tall = matrices.shape[1] > matrices.shape[2]
    wide = matrices.mT if tall else matrices
    wide = (wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(precision)
    a, b, c = COEFFICIENTS
    for _ in range(ROUNDS):
        gram = wide @ wide.mT
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    wide = wide.float()
    return wide.mT if tall else wide
