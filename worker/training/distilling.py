"""TRL's distillation trainer, asked in our tokens, examined on the data's own answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler, SequentialSampler
from trl import DistillationConfig, DistillationTrainer

from worker.training.divergence import divergences, head_of, hidden_states
from worker.training.tokens import IGNORED
from worker.training.trainer import RecipeTrainer

CURVES = {
    "entropy": "answer_entropy",
    "completions/mean_length": "answer_length",
    "completions/clipped_ratio": "answers_cut_off",
}
"""What the trainer logs besides the loss, and what the curves of it are called."""


class Distilled(RecipeTrainer, DistillationTrainer):
    """The student answers; at each token of its answers it is drawn towards the teacher.

    Loss: the mean over all answer tokens of a step of the divergence in `divergences`. Exam: the
    same divergence at the tokens of the data's answers, without any chance in it: the mean over
    the examples of each one's mean. What the library does otherwise is left to it, but:

    - prompts come as tokens, and every row is asked in each reading (the library leaves out the
      rows that fill no whole batch);
    - answers are written with dropout off, and padding moves no position;
    - the order of a reading follows from seed and epoch alone, so that a resumed run is the same.

    Args:
        model: the student.
        teacher: frozen, on the same device.
        **given: what the library's trainer is given: args, train_dataset with a column `prompt`
            (tokens), eval_dataset with `input_ids` and `labels`, processing_class, peft_config.
    """

    def __init__(self, model: Any, teacher: Any, **given: Any) -> None:
        super().__init__(model=model, **given)
        self.teacher_model = self.accelerator.prepare_model(teacher, evaluation_mode=True)
        shared = min(len(head_of(self.model).weight), len(head_of(teacher).weight))
        beyond = range(shared, len(head_of(self.model).weight))
        self.generation_config.suppress_tokens = list(beyond) or None  # the teacher has no such
        self._tokens_before: int | None = None
        self._show: Callable[[dict[str, Any]], None] | None = None

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step; the first batch is shown once the answers are written."""
        if self._tokens_before is None:
            self._tokens_before = int(self.state.num_input_tokens_seen)
        if self.on_first_batch is not None:
            self._show, self.on_first_batch = self.on_first_batch, None
        return super().training_step(model, inputs, *args, **kwargs)

    def prediction_step(
        self, model: Any, inputs: Any, prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[torch.Tensor, None, None]:
        """Examine rows; returns the mean over them."""
        ids, mask, scored = _padded(inputs, self.accelerator.device)
        with torch.no_grad():
            found, _ = self._compared(ids, mask, scored)
        each = found.new_zeros(scored.shape)
        each[scored] = found
        return (each.sum(1) / scored.sum(1)).mean(), None, None

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log; tokens are counted from where this attempt began."""
        if "num_tokens" in self._metrics["train"]:
            seen = self.state.num_input_tokens_seen - (self._tokens_before or 0)
            self._metrics["train"]["num_tokens"] = [seen]
        super().log(logs, start_time)

    def _get_train_sampler(self, dataset: Dataset | None = None) -> Sampler[int]:
        rows = len(self.train_dataset if dataset is None else dataset)
        size = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        return Readings(rows, size, self.args.gradient_accumulation_steps, self.args.seed)

    def _get_eval_sampler(self, eval_dataset: Any) -> Sampler[int]:
        return SequentialSampler(eval_dataset)

    def _tokenize_prompts(
        self, prompts: list[list[int]]
    ) -> tuple[list[list[int]], None, dict[str, Any]]:
        return prompts, None, {}

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> list[list[int]]:
        with _at_rest(self.model), self.accelerator.autocast():
            found: list[list[int]] = super()._generate_single_turn(*args, **kwargs)
        return found

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if self._show is not None:
            self._show(_shown(found))
            self._show = None
        return found

    def _compute_loss(
        self, _student: Any, inputs: dict[str, Any], num_items_in_batch: Any
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        ids, mask, scored = _joined(inputs)
        found, entropy = self._compared(ids, mask, scored)
        return found.sum() / num_items_in_batch, entropy.sum().detach(), scored.sum()

    def _compared(
        self, ids: torch.Tensor, mask: torch.Tensor, scored: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return divergence and entropy of where each scored token is foretold, in row order."""
        told = scored[:, 1:]
        with self.accelerator.autocast():
            student = hidden_states(self.model, ids, mask)[:, :-1][told]
            with torch.no_grad():
                teacher = hidden_states(self.teacher_model, ids, mask)[:, :-1][told]
            heads = head_of(self.model), head_of(self.teacher_model)
            return divergences(
                (student, heads[0]), (teacher, heads[1]), self.beta, self.temperature
            )


class Readings(Sampler[int]):
    """All rows in a new order at each reading; the last batch is filled up from its beginning.

    Args:
        rows: how many there are.
        size: rows that are answered together.
        repeats: how often each such batch is handed out, once for each part of a step.
        seed: of the run.
    """

    def __init__(self, rows: int, size: int, repeats: int, seed: int) -> None:
        self._rows, self._size, self._repeats, self._seed = rows, size, repeats, seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which reading is next, from 0."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-self._rows // self._size) * self._size * self._repeats

    def __iter__(self) -> Iterator[int]:
        chance = torch.Generator().manual_seed(self._seed + self._epoch)
        order = torch.randperm(self._rows, generator=chance).tolist()
        for start in range(0, self._rows, self._size):
            batch = [order[n % self._rows] for n in range(start, start + self._size)]
            for _ in range(self._repeats):
                yield from batch


def configured(common: dict[str, Any], **settings: Any) -> DistillationConfig:
    """Return the library's configuration; `settings` are its own names."""
    # Numbers that are none must reach the loss, which says so in words; else sampling would crash.
    generation = {"remove_invalid_values": True}
    return DistillationConfig(
        **common, **settings, generation_kwargs=generation, disable_dropout=False
    )


@contextmanager
def _at_rest(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _joined(
    inputs: dict[str, torch.Tensor],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Prompts and answers side by side: tokens, mask, and which tokens are scored."""
    ids = torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1)
    answers = inputs["completion_mask"].bool()
    mask = torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1)
    scored = torch.cat([torch.zeros_like(inputs["prompt_mask"]).bool(), answers], dim=1)
    used = mask.any(dim=0)  # a part of a step may need less padding than the whole
    return ids[:, used], mask[:, used], scored[:, used]


def _padded(
    rows: list[dict[str, list[int]]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows with labels, filled up on the right: tokens, mask, and which tokens are scored."""
    longest = max(len(row["input_ids"]) for row in rows)

    def filled(values: Callable[[dict[str, list[int]]], list[int]], by: int) -> torch.Tensor:
        lines = [[*values(row), *[by] * (longest - len(row["input_ids"]))] for row in rows]
        return torch.tensor(lines, device=device)

    labels = filled(lambda row: row["labels"], IGNORED)
    labels[:, 0] = IGNORED  # nothing foretells the first token
    mask = filled(lambda row: [1] * len(row["input_ids"]), 0)
    return filled(lambda row: row["input_ids"], 0), mask, labels != IGNORED


def _shown(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a written batch as other recipes have theirs: padding at the end, labels beside."""
    ids, mask, scored = _joined(inputs)
    real = mask.sum(dim=1)
    lines = [
        torch.stack([row[on], torch.where(told[on], row[on], IGNORED)])
        for row, on, told in zip(ids, mask.bool(), scored, strict=True)
    ]
    filled = ids.new_full((2, len(lines), int(real.max())), IGNORED)
    for number, line in enumerate(lines):
        filled[:, number, : line.shape[1]] = line
    kept = torch.arange(filled.shape[2], device=ids.device) < real[:, None]
    return {
        "input_ids": filled[0].where(kept, 0),
        "labels": filled[1],
        "attention_mask": kept.long(),
    }
