"""What recipes for judged answers share: figures that are exact means, steps and facts."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor

from storage.specs import RunSpec
from worker.training import models
from worker.training.data import Side
from worker.training.distributed import sharding, together
from worker.training.fast import weights
from worker.training.fast.choice import core_of
from worker.training.precision import Precision
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


class JudgedTrainer(RecipeTrainer):
    """A trainer of tokenised answers whose figures are means over answers.

    TRL takes the mean of the batches' means; the last batch of an exam is mostly a smaller one.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._weights: dict[str, dict[str, list[int]]] = {
            mode: defaultdict(list) for mode in ("train", "eval")
        }
        self._examined = (0.0, 0)
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
        readers = self.exam.readers if self.exam is not None and mode == "eval" else 1
        for name, weight in self.weights_of(inputs).items():
            self._weights[mode][name].append(weight * readers)

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return TRL's loss, and note how many answers it is about."""
        self.weigh(inputs, "train" if self.model.training else "eval")
        return super().compute_loss(model, inputs, *args, **kwargs)  # type: ignore[misc]

    def prediction_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step of an exam, and note how much its loss weighs."""
        loss, *rest = super().prediction_step(model, inputs, *args, **kwargs)  # type: ignore[misc]
        total, count = self._examined
        weight = self.counted(self.weights_of(inputs)[""])
        self._examined = (total + float(loss) * weight, count + weight)
        return (loss, *rest)

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> Any:
        """Examine; of several processes each has taken a part."""
        self._examined = (0.0, 0)
        found = super().evaluation_loop(  # type: ignore[misc]
            *args, metric_key_prefix=metric_key_prefix, **kwargs
        )
        if together.count() > 1:  # else the library's mean is over all rows
            whole = together.summed(torch.tensor(self._examined, dtype=torch.float64))
            found.metrics[f"{metric_key_prefix}_loss"] = float(whole[0] / whole[1])
        return found

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


# Steps and facts.


@contextmanager
def taken(trainer: Any, spec: RunSpec, formats: Precision) -> Iterator[None]:
    """Let a trainer take its steps in here, scoring answers alone unless the plain way was asked.

    Frozen weights keep the format of their products from then on.
    """
    if _is_plain(spec):
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
            "path": PLAIN_PATH if _is_plain(spec) else words,
        }


def _is_plain(spec: RunSpec) -> bool:
    """Tell whether the library computes all, as was asked or as only it finds divided weights."""
    return spec.path == "plain" or sharding.divides(spec)


def _mean(values: list[float], weights: list[int]) -> float:
    pairs = zip(values, weights, strict=True)
    return sum(value * weight for value, weight in pairs) / sum(weights)
