"""A reward model that scores answers, learned from pairs, top to bottom: data, model, trainer.

By hand: `python -m worker.training.reward RUN_ID`, see `by_hand`. The base model gets a head with
one output, read at the last token of the whole conversation; it is saved with the adapter. A
conversation that is too long is left out: half an answer is not what was judged.
"""

from dataclasses import dataclass
from typing import Any

from peft import PeftConfig, TaskType
from transformers import AutoModelForSequenceClassification, set_seed
from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import suppress_seqcls_warning
from trl.trainer.utils import disable_dropout_in_model

from worker.training import (
    adapting,
    arguments,
    fresh_process,
    models,
    pairs,
    precision,
    preference,
    recipe,
    templates,
)
from worker.training.arguments import Plan
from worker.training.data import Side
from worker.training.job import Job, Outcome
from worker.training.pair_batches import WholePairs
from worker.training.precision import Precision
from worker.training.recipe import Ready
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.templates import Template

CURVES = {
    "margin": "reward_margin",
    "accuracy": "reward_accuracy",
    "mean_reward": "reward_mean",
}

HEAD = "score"
"""What the transformers library calls the head of every model that judges a text."""


class Scoring(preference.JudgedTrainer, RewardTrainer):
    """TRL's trainer of reward models (Bradley-Terry)."""


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run. Raises StudioError, see `recipe.train`."""
    return recipe.train(job, reporter, stops, prepare)


def prepare(job: Job, reporter: Reporter, stops: Stops) -> Ready:
    """Read the data, load the model with its head, make the trainer."""
    recipe.stage(reporter, stops, "loading the tokenizer")
    tokenizer = models.load_tokenizer(job.base_folder)
    template = templates.of_run(tokenizer, job.spec)
    recipe.stage(reporter, stops, "reading the data")
    train_side, evaluation = pairs.read(
        job, tokenizer, template, pairs.encode_pairs, stops.check, whole=True
    )
    recipe.stage(reporter, stops, "loading the model")
    formats = precision.of(job.spec)
    model = load_model(job, formats)
    highest = max(train_side.highest, evaluation.highest if evaluation else -1)
    models.require_fitting(tokenizer, model, highest)
    disable_dropout_in_model(model)  # the model's own; what is dropped of the adapter is a setting
    planned = arguments.plan(job.spec, len(train_side.examples), has_exam=evaluation is not None)
    padding = padding_token(tokenizer, [train_side, *([evaluation] if evaluation else [])])
    material = Material(tokenizer, template, train_side, evaluation, formats, padding)
    trainer = build(job, material, model, planned)
    return Ready(tokenizer, trainer, planned, facts(material), curves=CURVES)


@dataclass(frozen=True)
class Material:
    """What the model is taught. `evaluation` is None where there is no exam."""

    tokenizer: Any
    template: Template
    train: Side
    evaluation: Side | None
    precision: Precision
    padding: int


# Model.


def load_model(job: Job, formats: Precision) -> Any:
    """Return the base model with a fresh head of one output, seeded by the run's seed.

    Raises:
        StudioError: the weights cannot be read, or no head is known for such a model.
    """
    set_seed(job.spec.seed)
    with suppress_seqcls_warning():
        return models.load_model(
            job.base_folder, job.spec, formats, AutoModelForSequenceClassification, num_labels=1
        )


def padding_token(tokenizer: Any, sides: list[Side]) -> int:
    """Return a token that no conversation ends with.

    The library reads the score at the last token that is not the padding one, so a conversation
    that ends with it would be read too early. Many tokenizers pad with the token that ends a turn.
    """
    endings = {
        ids[-1]
        for side in sides
        for name in ("chosen_ids", "rejected_ids")
        for ids in side.examples[name]
    }
    usual = tokenizer.pad_token_id
    return usual if usual not in endings else next(n for n in range(len(endings) + 1)
                                                   if n not in endings)  # fmt: skip


def configure_adapter(job: Job, model: Any, planned: Plan) -> PeftConfig | None:
    """Return the adapter's configuration, with the head learned and saved beside it."""
    config = adapting.config(job.spec, model, planned)
    if config is not None:
        config.task_type = TaskType.SEQ_CLS
        config.modules_to_save = [HEAD]
    return config


# Trainer.


def build(job: Job, material: Material, model: Any, planned: Plan) -> Scoring:
    """Return TRL's trainer over the model with a fresh adapter, seeded by the run's seed."""
    trainer = Scoring(
        model=model,
        args=configure(job, material, planned),
        data_collator=WholePairs(material.padding),
        train_dataset=material.train.examples,
        eval_dataset=material.evaluation.examples if material.evaluation else None,
        processing_class=material.tokenizer,
        peft_config=configure_adapter(job, model, planned),
    )
    trainer.model.config.get_text_config().pad_token_id = material.padding  # TRL sets the usual one
    return trainer


def configure(job: Job, material: Material, planned: Plan) -> RewardConfig:
    """Return TRL's configuration for learning a reward."""
    return RewardConfig(
        **arguments.common(job.spec, planned, material.precision, job.working_folder),
        max_length=None,  # long ones are left out already
        disable_dropout=False,
        remove_unused_columns=False,
        prediction_loss_only=True,
    )


def facts(material: Material) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    evaluation = material.evaluation
    return {
        **material.train.count.facts("train"),
        **(evaluation.count.facts("eval") if evaluation else {}),
        **pairs.mean_lengths(material.train),
        "examples": len(material.train.examples),
        "padding_token": material.tokenizer.convert_ids_to_tokens(material.padding),
        "template": material.template.words,
        "precision": material.precision.name,
    }


if __name__ == "__main__":
    fresh_process.run()
