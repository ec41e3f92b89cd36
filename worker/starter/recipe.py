"""The sizes of the starter model and of its training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How large the starter model is and how long it learns.

    `steps` rounds of about `tokens_per_step` tokens each; everything random hangs on `seed`.
    """

    vocabulary: int = 2048
    width: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 512
    context: int = 1024
    conversations: int = 5600
    steps: int = 230
    tokens_per_step: int = 2048
    learning_rate: float = 4e-3
    warm_up: int = 15
    threads: int = 2
    seed: int = 7
