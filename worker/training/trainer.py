"""TRL's trainer, with checkpoints that hold what is needed and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import trl.trainer.utils
from trl import SFTTrainer

from worker.training.adapters.learner import AdapterLearner
from worker.training.sampling import ByLength, lengths
from worker.training.tokens import IGNORED

PLAIN_PATH = "plain TRL"
ANSWERS_PATH = "answers-only head"


class RecipeTrainer(AdapterLearner):
    """What every recipe's trainer does besides the library's, whose trainer it stands before.

    A checkpoint's model part is the adapter, in safetensors.

    Attributes:
        on_first_batch: is given what the first training step gives the model; None: nobody asks.
    """

    model: Any
    args: Any
    train_dataset: Any
    on_first_batch: Callable[[dict[str, Any]], None] | None = None

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step, and show the first batch to who asked for it."""
        if self.on_first_batch is not None:
            self.on_first_batch(inputs)
            self.on_first_batch = None
        return super().training_step(model, inputs, *args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)  # type: ignore[misc]
        together = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        counted = lengths(self.train_dataset if train_dataset is None else train_dataset)
        return ByLength(counted, together, self.args.seed)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write none: a checkpoint needs no card, and the finished adapter gets ours."""


class Supervised(RecipeTrainer, SFTTrainer):
    """TRL's supervised trainer, which may leave the loss to the model.

    Attributes:
        has_summing_model: the model's forward returns the summed loss where asked for it, see
            `fast.answer_loss`; it must not be set otherwise.
    """

    has_summing_model = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._examined = (0.0, 0)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss of the learned positions: of this batch, or of all of a step."""
        if not self.has_summing_model:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.model.training:
            self._total_train_tokens += _tokens(inputs)
            self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        count = _learned(inputs) if num_items_in_batch is None else num_items_in_batch
        return model(**inputs, summed=True)["loss"] / torch.as_tensor(count).clamp(min=1)

    def prediction_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step of an exam, and note how much its loss weighs."""
        loss, *rest = super().prediction_step(model, inputs, *args, **kwargs)
        total, count = self._examined
        learned = int(_learned(inputs))
        self._examined = (total + float(loss) * learned, count + learned)
        return (loss, *rest)

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> Any:
        """Examine. Each learned token weighs the same; in the library's mean each batch does."""
        self._examined = (0.0, 0)
        found = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **kwargs)
        total, count = self._examined
        found.metrics[f"{metric_key_prefix}_loss"] = total / max(count, 1)
        return found


def _learned(inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    return (inputs["labels"][:, 1:] != IGNORED).sum()


def _tokens(inputs: dict[str, torch.Tensor]) -> int:
    """How many are no padding."""
    mask = inputs.get("attention_mask")
    return inputs["input_ids"].numel() if mask is None else int(mask.sum())


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
