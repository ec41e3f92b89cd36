"""Direct preference optimisation (DPO) from pairs, from top to bottom: data, model, trainer.

By hand: `python -m worker.training.dpo RUN_ID`, see `by_hand`. The reference is the base model: the
adapter switched off, or, where the whole model learns, the model before its first step.
"""

from functools import partial
from typing import Any

from trl import DPOConfig, DPOTrainer
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
    reference,
    starting,
    templates,
)
from worker.training.arguments import Plan
from worker.training.job import Job, Outcome
from worker.training.pair_batches import Pairs
from worker.training.preference import Material
from worker.training.recipe import Ready
from worker.training.reference import ReferredTrainer
from worker.training.reporting import Reporter
from worker.training.stops import Stops

CURVES = {
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "reward_accuracy",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
}


class Preference(ReferredTrainer, DPOTrainer):
    """TRL's trainer for pairs."""

    reference_columns = ("ref_chosen_logps", "ref_rejected_logps")


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run. Raises StudioError, see `recipe.train`."""
    return recipe.train(job, reporter, stops, prepare)


def prepare(job: Job, reporter: Reporter, stops: Stops) -> Ready:
    """Read the data, load the model, make the trainer, ask the reference."""
    recipe.stage(reporter, stops, "loading the tokenizer")
    tokenizer = models.load_tokenizer(job.base_folder)
    template = templates.of_run(tokenizer, job.spec)
    recipe.stage(reporter, stops, "reading the data")
    train_side, evaluation = pairs.read(
        job, tokenizer, template, pairs.encode_pairs, stops.check, whole=False
    )
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


# Trainer.


def build(job: Job, material: Material, model: Any, planned: Plan) -> Preference:
    """Return TRL's trainer over the model with a fresh adapter, seeded by the run's seed."""
    return Preference(
        model=model,
        args=configure(job, material, planned),
        data_collator=Pairs(material.tokenizer.pad_token_id),
        train_dataset=material.train.examples,
        eval_dataset=material.evaluation.examples if material.evaluation else None,
        processing_class=material.tokenizer,
        peft_config=adapting.config(job.spec, model, planned, job.start_folder),
    )


def configure(job: Job, material: Material, planned: Plan) -> DPOConfig:
    """Return TRL's configuration for learning from pairs."""
    spec = job.spec
    return DPOConfig(
        **arguments.common(spec, planned, material.precision, job.working_folder),
        loss_type=[spec.preference_loss],
        beta=spec.beta,
        label_smoothing=spec.label_smoothing,
        max_length=None,  # they are cut already
        disable_dropout=False,
        # Else TRL loads a second whole model; what it would ask it is asked by `reference.ask`.
        precompute_ref_log_probs=spec.adapter == "full",
        remove_unused_columns=False,
        prediction_loss_only=True,
    )


def facts(job: Job, material: Material, model: Any) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    return {
        **preference.facts(job.spec, material, model),
        **preference.facts_of_answers(job.spec, material),
        **pairs.mean_lengths(material.train),
        "loss": job.spec.preference_loss,
    }


if __name__ == "__main__":
    fresh_process.run()
