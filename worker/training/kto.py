"""Learning from single answers judged good or bad (KTO), top to bottom: data, model, trainer.

By hand: `python -m worker.training.kto RUN_ID`, see `by_hand`. Pairs are taken apart into a good
answer and a bad one. How far the model has moved (the KL term) is estimated from mismatched
answers, so that the batches are fixed beforehand: shuffled once by the run's seed, and then the
same in each reading.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray
from torch import Tensor
from trl import KTOConfig, KTOTrainer
from trl.trainer.utils import disable_dropout_in_model

from storage.errors import StudioError
from storage.specs import RunSpec
from worker.training import (
    adapting,
    arguments,
    fresh_process,
    models,
    pairs,
    precision,
    preference,
    recipe,
    reference,
    starting,
    templates,
)
from worker.training.arguments import Plan
from worker.training.data import Side
from worker.training.job import Job, Outcome
from worker.training.pair_batches import Answers
from worker.training.pairs import Check, JudgedAnswers, Limits, Row
from worker.training.preference import Material
from worker.training.recipe import Ready
from worker.training.reference import ReferredTrainer
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.tokens import Encoder

CURVES = {
    "rewards/margins": "reward_margin",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
    "kl": "kl",
}

Sequence = tuple[NDArray[np.int32], NDArray[np.int8]]
"""The tokens of an answer with its prompt, and 1 for each that belongs to the answer."""


class Judging(ReferredTrainer, KTOTrainer):
    """TRL's trainer for single answers."""

    reference_columns = ("ref_logps", "ref_KL_logps")

    def weights_of(self, inputs: dict[str, Tensor]) -> dict[str, int]:
        """Return how many answers a figure is the mean of: all, or the good or the bad ones."""
        good = int(inputs["label"].sum())
        count = len(inputs["label"])
        return {"": count, "rewards/chosen": good, "rewards/rejected": count - good}

    def settle(self, figures: dict[str, list[float]], weights: dict[str, list[int]]) -> None:
        """Take the means, and the margin between them, whatever a batch holds of good and bad."""
        super().settle(figures, weights)
        sides = [figures.get(f"rewards/{side}") for side in ("chosen", "rejected")]
        if all(sides):
            good, bad = (side[0] for side in sides if side)
            figures["rewards/margins"] = [good - bad]


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run. Raises StudioError, see `recipe.train`."""
    return recipe.train(job, reporter, stops, prepare)


def prepare(job: Job, reporter: Reporter, stops: Stops) -> Ready:
    """Read the data, load the model, make the trainer, ask the reference."""
    recipe.stage(reporter, stops, "loading the tokenizer")
    tokenizer = models.load_tokenizer(job.base_folder)
    template = templates.of_run(tokenizer, job.spec)
    recipe.stage(reporter, stops, "reading the data")
    encode = partial(encode_shuffled, job.spec)
    train_side, evaluation = pairs.read(job, tokenizer, template, encode, stops.check, whole=False)
    recipe.stage(reporter, stops, "loading the model")
    formats = precision.of(job.spec, job.base_folder)
    model = models.load_model(job.base_folder, job.spec, formats)
    highest = max(train_side.highest, evaluation.highest if evaluation else -1)
    models.require_fitting(tokenizer, model, highest)
    disable_dropout_in_model(model)  # the model's own; what is dropped of the adapter is a setting
    planned = arguments.plan(job.spec, len(train_side.examples), has_exam=evaluation is not None)
    asks_first = reference.asks_first(job.spec, planned, len(train_side.examples))
    material = Material(tokenizer, template, train_side, evaluation, formats)
    trainer = build(job, material, model, planned)
    starting.put(job, trainer)
    steps = partial(preference.taken, trainer, job.spec, formats)
    if asks_first:
        recipe.stage(reporter, stops, "asking the base model")
        with steps():
            reference.ask(job, trainer, reporter, stops)
    return Ready(
        tokenizer,
        trainer,
        planned,
        facts(job, material, model) | {"reference": reference.words(job.spec, asks_first)},
        steps=steps,
        curves=CURVES,
    )


# Data.


def encode_shuffled(
    spec: RunSpec, rows: Iterable[Row], encoder: Encoder, limits: Limits, check: Check
) -> Side:
    """Return answers in a random order as columns `answer_ids`, `answer_mask` and `label`.

    `other_ids` and `other_mask` are the same prompt with the answer to another question, see
    `neighbours`. `length` is the longer one's, in tokens.

    Raises:
        StudioError: there is one answer alone; see also `Encoder.encode`.
    """
    judged = pairs.encode_judged(rows, encoder, limits, check)
    count = len(judged.good)
    if count == 1:
        raise StudioError(
            "Only one answer is left, and judged answers are learned by comparing them.",
            "Add examples, raise 'Longest example, in tokens', or change the share for the exam.",
        )
    order = np.random.default_rng(spec.seed).permutation(count)
    return Side(_examples(judged, order, spec.batch_size, limits.max_length), judged.count,
                max(judged.answers.ids, default=-1))  # fmt: skip


def _examples(
    judged: JudgedAnswers, order: NDArray[np.int64], batch_size: int, max_length: int
) -> Dataset:
    ids, masks = judged.answers.split()
    answers: list[Sequence] = [(ids[number], masks[number]) for number in order]
    others = [
        _mismatched(answers[number], answers[other], max_length)
        for number, other in enumerate(neighbours(len(answers), batch_size))
    ]
    return Dataset.from_dict(
        {
            "answer_ids": [ids for ids, _ in answers],
            "answer_mask": [mask for _, mask in answers],
            "other_ids": [ids for ids, _ in others],
            "other_mask": [mask for _, mask in others],
            "label": [judged.good[number] for number in order],
            "length": [
                max(len(one), len(other))
                for (one, _), (other, _) in zip(answers, others, strict=True)
            ],
        }
    )


def neighbours(count: int, batch_size: int) -> list[int]:
    """Return whose answer stands in for each example's own where the KL term is estimated.

    It is the one before in the same batch, and for a batch's first its last (KTO, section 4.1: the
    outputs of a batch, shifted by one). A last batch of one takes the answer before it, as its own
    would make the term equal to its reward.
    """
    starts = [number - number % batch_size for number in range(count)]
    ends = [min(start + batch_size, count) for start in starts]
    return [
        number - 1 if number > start or end - start == 1 else end - 1
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _mismatched(asked: Sequence, answered: Sequence, max_length: int) -> Sequence:
    """Return one's prompt with the other's answer."""
    parts = [_parts(asked, 0), _parts(answered, 1)]
    ids, mask = (np.concatenate(two)[:max_length] for two in zip(*parts, strict=True))
    return ids, mask


def _parts(sequence: Sequence, which: int) -> Sequence:
    """Return the prompt (0), or the answer and what follows it (1)."""
    ids, mask = sequence
    start = int(np.argmax(mask))
    stretch = slice(start, None) if which else slice(start)
    return ids[stretch], mask[stretch]


# Trainer.


def build(job: Job, material: Material, model: Any, planned: Plan) -> Judging:
    """Return TRL's trainer over the model with a fresh adapter, seeded by the run's seed."""
    return Judging(
        model=model,
        args=configure(job, material, planned),
        data_collator=Answers(material.tokenizer.pad_token_id),
        train_dataset=material.train.examples,
        eval_dataset=material.evaluation.examples if material.evaluation else None,
        processing_class=material.tokenizer,
        peft_config=adapting.config(job.spec, model, planned, job.start_folder),
    )


def configure(job: Job, material: Material, planned: Plan) -> KTOConfig:
    """Return TRL's configuration for learning from judged answers."""
    spec = job.spec
    common = arguments.common(spec, planned, material.precision, job.working_folder)
    return KTOConfig(
        **{**common, "train_sampling_strategy": "sequential"},
        beta=spec.beta,
        desirable_weight=spec.desirable_weight,
        undesirable_weight=spec.undesirable_weight,
        max_length=None,  # they are cut already
        disable_dropout=False,
        # Else TRL loads a second whole model; what it would ask it is asked by `reference.ask`.
        precompute_ref_log_probs=spec.adapter == "full",
        remove_unused_columns=False,
        prediction_loss_only=True,
    )


def facts(job: Job, material: Material, model: Any) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    good = sum(material.train.examples["label"])
    return {
        **preference.facts(job.spec, material, model),
        **preference.facts_of_answers(job.spec, material),
        "good_answers": good,
        "bad_answers": len(material.train.examples) - good,
    }


if __name__ == "__main__":
    fresh_process.run()
