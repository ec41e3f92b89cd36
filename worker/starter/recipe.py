"""The sizes of the starter model and of its training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How large the starter model is and how long it learns.

    `steps` rounds of `rows` rows of `length` tokens; everything random hangs on `seed`. The
    learning rates are those of the weight matrices (Muon) and of the embedding (AdamW).
    """

    vocabulary: int = 2048
    width: int = 256
    layers: int = 4
    heads: int = 4
    feed_forward: int = 512
    context: int = 1024
    conversations: int = 6600
    steps: int = 420
    rows: int = 4
    length: int = 256
    matrix_rate: float = 0.02
    embedding_rate: float = 4e-3
    warm_up: int = 12
    threads: int = 2
    seed: int = 7
