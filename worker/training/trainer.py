"""TRL's trainer, with checkpoints that hold what is needed and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import trl.trainer.utils
from trl import SFTTrainer

from worker.training.adapters.learner import AdapterLearner
from worker.training.distributed import sharding, together
from worker.training.distributed.divided import DividedLearner
from worker.training.distributed.exam import Exam
from worker.training.sampling import ByLength, lengths
from worker.training.tokens import IGNORED

PLAIN_PATH = "plain TRL"
ANSWERS_PATH = "answers-only head"


class RecipeTrainer(AdapterLearner, DividedLearner):
    """What every recipe's trainer does besides the library's, whose trainer it stands before.

    A checkpoint's model part is the adapter, in safetensors.

    Attributes:
        on_first_batch: is given what the first training step gives the model; None: nobody asks.
        exam: the exam under way where several processes take it.
    """

    model: Any
    args: Any
    train_dataset: Any
    on_first_batch: Callable[[dict[str, Any]], None] | None = None
    exam: Exam | None = None

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step, and show the first batch to who asked for it."""
        if self.on_first_batch is not None:
            self.on_first_batch(inputs)
            self.on_first_batch = None
        return super().training_step(model, inputs, *args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Hold an exam; chance goes on afterwards as if there had been none."""
        with torch.random.fork_rng(devices=[]):
            return super().evaluate(*args, **kwargs)  # type: ignore[misc]

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)  # type: ignore[misc]
        at_once = self.args.per_device_train_batch_size * self.args.world_size
        counted = lengths(self.train_dataset if train_dataset is None else train_dataset)
        return ByLength(counted, at_once * self.args.gradient_accumulation_steps, self.args.seed)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """Return the batches of an exam; of several processes each has its own."""
        whole = super().get_eval_dataloader(eval_dataset)  # type: ignore[misc]
        if together.count() == 1:
            return whole
        self.exam = Exam(whole, self.args.eval_batch_size)
        return self.exam

    def create_accelerator_and_postprocess(self) -> None:
        """Prepare the device, and the division of the model where several processes share it."""
        super().create_accelerator_and_postprocess()  # type: ignore[misc]
        sharding.settle(self)

    def counted(self, weight: int) -> int:
        """Return what a batch of an exam weighs here: nothing where it counts elsewhere."""
        return weight if self.exam is None or self.exam.counts else 0

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
        self._is_examining = False

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the mean loss of the learned positions: of this batch, or of all of a step."""
        if not self.has_summing_model:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if self.model.training:
            self._total_train_tokens += int(together.summed(torch.tensor(_tokens(inputs))))
            self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        total = model(**inputs, summed=True)["loss"]
        if num_items_in_batch is None:
            return total / _learned(inputs).clamp(min=1)
        # The count is that of all processes, whose gradients are then averaged, not summed.
        return total * together.count() / torch.as_tensor(num_items_in_batch).clamp(min=1)

    def prediction_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step of an exam, and note how much its loss weighs."""
        loss, *rest = super().prediction_step(model, inputs, *args, **kwargs)
        total, count = self._examined
        learned = self.counted(int(_learned(inputs)))
        self._examined = (total + (float(loss) * learned if learned else 0.0), count + learned)
        return (loss, *rest)

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> Any:
        """Examine. Each learned token weighs the same; in the library's mean each batch does."""
        self._examined, self._is_examining = (0.0, 0), True
        found = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **kwargs)
        self._is_examining = False
        total, count = together.summed(torch.tensor(self._examined, dtype=torch.float64)).tolist()
        found.metrics[f"{metric_key_prefix}_loss"] = total / max(count, 1)
        return found

    def _get_num_items_in_batch(self, *args: Any) -> Any:
        """Count what is learned in a step; in an exam each batch is a mean of its own."""
        return None if self._is_examining else super()._get_num_items_in_batch(*args)


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
