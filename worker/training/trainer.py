"""TRL's trainer, with checkpoints that hold what is needed and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import trl.trainer.utils
from trl import SFTTrainer

PLAIN_PATH = "plain TRL"
ANSWERS_PATH = "answers-only head"


class RecipeTrainer:
    """What every recipe's trainer does besides the library's, whose trainer it stands before.

    A checkpoint's model part is the adapter, in safetensors.

    Attributes:
        on_first_batch: is given what the first training step gives the model; None: nobody asks.
    """

    model: Any
    on_first_batch: Callable[[dict[str, Any]], None] | None = None

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step, and show the first batch to who asked for it."""
        if self.on_first_batch is not None:
            self.on_first_batch(inputs)
            self.on_first_batch = None
        return super().training_step(model, inputs, *args, **kwargs)  # type: ignore[misc]

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: a checkpoint needs no card, and the finished adapter gets ours."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        self.model.save_pretrained(output_dir, state_dict=state_dict, save_embedding_layers=False)


class Supervised(RecipeTrainer, SFTTrainer):
    """TRL's supervised trainer."""


@contextmanager
def answers_only_head() -> Iterator[str]:
    """Let TRL's fused head score the learned positions alone on a CPU too; gives the path's name.

    TRL leaves prompt and padding out on a graphics card only. They never count in the loss, so that
    loss and gradients stay the same; the head's share of the work falls with the share learned.
    """
    utils = trl.trainer.utils
    if torch.cuda.is_available() or not hasattr(utils, "_use_triton"):
        yield PLAIN_PATH
        return
    original = utils._use_triton  # decides about nothing else in that module
    utils._use_triton = lambda _device: True
    try:
        yield ANSWERS_PATH
    finally:
        utils._use_triton = original
