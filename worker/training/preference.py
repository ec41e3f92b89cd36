"""What recipes for judged answers share: exact means, the reference asked first, steps, facts."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor

from storage.specs import RunSpec
from worker.training import models
from worker.training.arguments import Plan
from worker.training.data import Side
from worker.training.fast import weights
from worker.training.fast.choice import core_of
from worker.training.precision import Precision
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.templates import Template
from worker.training.trainer import PLAIN_PATH, RecipeTrainer, answers_only_head


@dataclass(frozen=True)
class Material:
    """What the model is taught. `evaluation` is None where there is no exam."""

    tokenizer: Any
    template: Template
    train: Side
    evaluation: Side | None
    precision: Precision


# Trainers.

_AT_ONCE = 8
"""Examples the reference model is asked about in one go; without gradients they take little."""


class JudgedTrainer(RecipeTrainer):
    """A trainer of tokenised answers whose figures are means over answers.

    TRL takes the mean of the batches' means; the last batch of an exam is mostly a smaller one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._weights: dict[str, dict[str, list[int]]] = {
            mode: defaultdict(list) for mode in ("train", "eval")
        }
        super().__init__(*args, **kwargs)

    def weights_of(self, inputs: dict[str, Tensor]) -> dict[str, int]:
        """Return how many answers a figure of this batch is the mean of; "" is all others."""
        return {"": len(inputs["input_ids"]) // 2}

    def figures(self, mode: str) -> dict[str, list[float]]:
        """Return TRL's figures of the batches since the last log; `mode` is train or eval."""
        found: dict[str, list[float]] = self._metrics[mode]  # type: ignore[attr-defined]
        return found

    def weigh(self, inputs: dict[str, Tensor], mode: str) -> None:
        """Note how many answers a batch's figures are about."""
        for name, weight in self.weights_of(inputs).items():
            self._weights[mode][name].append(weight)

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return TRL's loss, and note how many answers it is about."""
        self.weigh(inputs, "train" if self.model.training else "eval")
        return super().compute_loss(model, inputs, *args, **kwargs)  # type: ignore[misc]

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the figures since the last time, each weighted by how many answers it is about."""
        mode = "train" if self.model.training else "eval"
        self.settle(self.figures(mode), self._weights[mode])
        self._weights[mode].clear()
        super().log(logs, start_time)

    def settle(self, figures: dict[str, list[float]], weights: dict[str, list[int]]) -> None:
        """Put the mean over answers in the place of a figure's batches."""
        for name, values in figures.items():
            mine = [weight for weight in weights.get(name, weights[""]) if weight]
            if len(mine) == len(values):  # a figure of one number, such as all tokens, is no mean
                figures[name] = [_mean(values, mine)]

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        """Leave the rows as they are: they are tokens already, see `pairs`."""
        return dataset


class ReferredTrainer(JudgedTrainer):
    """A trainer that compares with a reference: the base model with the adapter off.

    Attributes:
        reference_columns: what TRL calls the reference's two log-probabilities of an example.
    """

    reference_columns: tuple[str, str]
    train_dataset: Dataset
    eval_dataset: Dataset | None
    precompute_ref_logps: bool

    def ask_reference(self, tell: Callable[[int, int], None]) -> None:
        """Ask the reference model about every example, before the first step; never again.

        Args:
            tell: is given how many examples are done, and how many there are; may raise.
        """
        total = len(self.train_dataset) + len(self.eval_dataset or ())
        self.train_dataset = self._asked(self.train_dataset, lambda done: tell(done, total))
        if self.eval_dataset is not None:
            before = len(self.train_dataset)
            self.eval_dataset = self._asked(
                self.eval_dataset, lambda done: tell(before + done, total)
            )
        self.precompute_ref_logps = True

    def _asked(self, examples: Dataset, tell: Callable[[int], None]) -> Dataset:
        lengths = examples["length"]
        order = sorted(range(len(examples)), key=lambda number: -lengths[number])
        found = torch.empty(2, len(examples))
        with _evaluating(self.model):
            for start in range(0, len(order), _AT_ONCE):
                tell(start)
                numbers = order[start : start + _AT_ONCE]
                found[:, numbers] = self._reference([examples[number] for number in numbers])
        for name, values in zip(self.reference_columns, found, strict=True):
            examples = examples.add_column(name, values.numpy())
        return examples

    def _reference(self, examples: list[dict[str, Any]]) -> Tensor:
        inputs = self._prepare_inputs(self.data_collator(examples))  # type: ignore[attr-defined]
        both = self.compute_ref_log_probs(self.model, inputs)  # type: ignore[attr-defined]
        return torch.stack(both).float().cpu()

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any) -> Dataset:
        """Leave it to `ask_reference`, which can be stopped and reads the longest first."""
        return dataset


WHEN_ASKED = {True: "asked before the first step", False: "asked in each step"}
"""How the run's page tells when the reference is asked."""


def tell(reporter: Reporter, stops: Stops, done: int, total: int) -> None:
    """Tell how far the asking is, unless somebody asked to stop. Raises Interrupted."""
    stops.check()
    reporter.report([], stage=f"asking the base model: {done} of {total}")


def asks_first(spec: RunSpec, planned: Plan, examples: int) -> bool:
    """Tell whether the reference is asked about everything before the first step.

    Where each example is read at least once this costs no more than asking in each step, and less
    with each further reading and exam. Where the whole model learns there is no other way: the
    model itself is the reference, until its first step.
    """
    readings = planned.total_steps * spec.effective_batch / examples
    return spec.adapter == "full" or readings >= 1


# Steps and facts.


@contextmanager
def taken(trainer: Any, spec: RunSpec, formats: Precision) -> Iterator[None]:
    """Let a trainer take its steps in here, scoring answers alone unless the plain way was asked.

    Frozen weights keep the format of their products from then on.
    """
    if spec.path == "plain":
        yield
        return
    with answers_only_head():
        if formats.products is not None:
            weights.keep_cast(core_of(trainer.model), formats.products)
        yield


def facts(spec: RunSpec, material: Material, model: Any) -> dict[str, Any]:
    """Return what is told of every run that learns from judged answers."""
    evaluation = material.evaluation
    return {
        **material.train.count.facts("train"),
        **(evaluation.count.facts("eval") if evaluation else {}),
        "examples": len(material.train.examples),
        "template": material.template.words,
        "template_told": list(material.template.told),
        "precision": material.precision.name,
        "attention": models.attention_of(model, spec),
    }


def facts_of_answers(spec: RunSpec, material: Material) -> dict[str, Any]:
    """Return what is told of runs that learn which answers to write."""
    count = material.train.count
    with answers_only_head() as words:
        return {
            "learned_share": count.learned / count.tokens,
            "answers_found_by": str(material.template.marking),
            "path": PLAIN_PATH if spec.path == "plain" else words,
        }


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _mean(values: list[float], weights: list[int]) -> float:
    pairs = zip(values, weights, strict=True)
    return sum(value * weight for value, weight in pairs) / sum(weights)
