"""A reward model that scores answers, learned from pairs, top to bottom: data, model, trainer.

By hand: `python -m worker.training.reward RUN_ID`, see `by_hand`. The base model gets a head with
one output, read at the last token of the whole conversation; it is saved with the adapter. A
conversation that is too long is left out: half an answer is not what was judged.
"""

from functools import partial
from typing import Any

from transformers import AutoConfig, AutoModelForSequenceClassification, set_seed
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
from trl import RewardConfig, RewardTrainer
from trl.trainer.reward_trainer import suppress_seqcls_warning
from trl.trainer.utils import disable_dropout_in_model

from storage.errors import StudioError
from worker.training import (
    adapting,
    arguments,
    fresh_process,
    models,
    pairs,
    precision,
    preference,
    recipe,
    starting,
    templates,
)
from worker.training.arguments import Plan
from worker.training.data import Side
from worker.training.job import Job, Outcome
from worker.training.pair_batches import WholePairs
from worker.training.precision import Precision
from worker.training.preference import Material
from worker.training.recipe import Ready
from worker.training.reporting import Reporter
from worker.training.stops import Stops

CURVES = {
    "margin": "reward_margin",
    "accuracy": "reward_accuracy",
    "mean_reward": "reward_mean",
}


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
    formats = precision.of(job.spec, job.base_folder)
    model = load_model(job, formats)
    highest = max(train_side.highest, evaluation.highest if evaluation else -1)
    models.require_fitting(tokenizer, model, highest)
    disable_dropout_in_model(model)  # the model's own; what is dropped of the adapter is a setting
    planned = arguments.plan(job.spec, len(train_side.examples), has_exam=evaluation is not None)
    material = Material(tokenizer, template, train_side, evaluation, formats)
    trainer = build(job, material, model, planned)
    starting.put(job, trainer)
    steps = partial(preference.taken, trainer, job.spec, formats)
    return Ready(
        tokenizer, trainer, planned, facts(job, material, model), steps=steps, curves=CURVES
    )


# Model.


def load_model(job: Job, formats: Precision) -> Any:
    """Return the base model with a fresh head of one output, seeded by the run's seed.

    Raises:
        StudioError: the weights cannot be read, or the library has no judge of this architecture.
    """
    config = AutoConfig.from_pretrained(job.base_folder, local_files_only=True)
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        raise StudioError(
            f"The libraries know no judge made of a {config.model_type} model.",
            "Choose another base model, or learn from the pairs directly with DPO.",
        )
    set_seed(job.spec.seed)
    with suppress_seqcls_warning():
        return models.load_model(
            job.base_folder, job.spec, formats, AutoModelForSequenceClassification, num_labels=1
        )


def padding_token(usual: int, *sides: Side | None) -> int:
    """Return a token that no conversation of these sides ends with: the usual one if possible.

    The library reads the score at the last token that is not the padding one, so a conversation
    that ends with it would be read too early. Many tokenizers pad with the token that ends a turn.
    """
    endings = {
        ids[-1]
        for side in sides
        for name in ("chosen_ids", "rejected_ids")
        for ids in (side.examples[name] if side else ())
    }
    others = (number for number in range(len(endings) + 1) if number not in endings)
    return next(others) if usual in endings else usual


# Trainer.


def build(job: Job, material: Material, model: Any, planned: Plan) -> Scoring:
    """Return TRL's trainer over the model with a fresh adapter, seeded by the run's seed."""
    padding = padding_token(material.tokenizer.pad_token_id, material.train, material.evaluation)
    trainer = Scoring(
        model=model,
        args=configure(job, material, planned),
        data_collator=WholePairs(padding),
        train_dataset=material.train.examples,
        eval_dataset=material.evaluation.examples if material.evaluation else None,
        processing_class=material.tokenizer,
        peft_config=adapting.config(job.spec, model, planned, job.start_folder),
    )
    trainer.model.config.get_text_config().pad_token_id = padding  # TRL sets the usual one
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


def facts(job: Job, material: Material, model: Any) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    return {
        **preference.facts(job.spec, material, model),
        **pairs.mean_lengths(material.train),
    }


if __name__ == "__main__":
    fresh_process.run()
