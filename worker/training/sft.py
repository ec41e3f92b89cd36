"""Supervised fine-tuning (SFT), from top to bottom: data, model, trainer.

By hand: `python -m worker.training.sft RUN_ID` trains a queued run in this process, see `by_hand`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from worker.training import (
    adapting,
    arguments,
    data,
    fresh_process,
    models,
    new_words,
    precision,
    recipe,
    starting,
    templates,
)
from worker.training.arguments import Plan
from worker.training.data import Side
from worker.training.fast import path
from worker.training.job import Job, Outcome
from worker.training.new_words import NewWords
from worker.training.precision import Precision
from worker.training.recipe import Ready
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.templates import Template
from worker.training.tokens import Encoder
from worker.training.trainer import Supervised


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run. Raises StudioError, see `recipe.train`."""
    return recipe.train(job, reporter, stops, prepare)


Read = Callable[[Job, Any, Template, Stops], tuple[Side, Side | None]]
"""Reads the rows to learn from and those of the exam (None: there is none), as tokens."""


def prepare(job: Job, reporter: Reporter, stops: Stops, read: Read | None = None) -> Ready:
    """Read the data (as `read` does), load the model, make the trainer."""
    recipe.stage(reporter, stops, "loading the tokenizer")
    tokenizer = models.load_tokenizer(job.base_folder)
    words = new_words.add(tokenizer, job.spec)
    template = templates.of_run(tokenizer, job.spec)
    recipe.stage(reporter, stops, "reading the data")
    train_side, evaluation = (read or read_cut)(job, tokenizer, template, stops)
    recipe.stage(reporter, stops, "loading the model")
    formats = precision.of(job.spec, job.base_folder)
    model = models.load_model(job.base_folder, job.spec, formats)
    new_words.make_room(model, tokenizer, words)
    highest = max(train_side.highest, evaluation.highest if evaluation else -1)
    models.require_fitting(tokenizer, model, highest)
    isolates = models.isolates(model)
    packing = job.spec.packing and isolates
    if packing:
        train_side = data.pack(train_side, job.spec.max_length)
        evaluation = evaluation and data.pack(evaluation, job.spec.max_length)
    planned = arguments.plan(job.spec, len(train_side.examples), has_exam=evaluation is not None)
    material = Material(tokenizer, template, words, train_side, evaluation, formats, packing)
    trainer = build(job, material, model, planned)
    starting.put(job, trainer)
    chosen = path.choose(trainer, job.spec, isolates=isolates)
    usual = models.attention_of(model, job.spec)
    told = {
        **facts(job, material),
        "path": chosen.words,
        "attention": "row by row" if chosen.by_row else usual,
        "settings_told": arguments.told(job.spec),
    }
    compiles = arguments.compiles(job.spec)
    steps = partial(path.taken, trainer, chosen, formats, compiles=compiles)
    return Ready(tokenizer, trainer, planned, told, steps=steps)


@dataclass(frozen=True)
class Material:
    """What the model is taught. `evaluation` is None where there is no exam."""

    tokenizer: Any
    template: Template
    words: NewWords
    train: Side
    evaluation: Side | None
    precision: Precision
    packing: bool


# Data.


def read_cut(
    job: Job, tokenizer: Any, template: Template, stops: Stops
) -> tuple[Side, Side | None]:
    """Return both sides; what is longer than the maximum is cut off."""
    encoder = Encoder(tokenizer, template, response_only=job.spec.response_only)
    sides = [
        data.encode(
            recipe.rows_of(job, evaluation=evaluation), encoder, job.spec.max_length, stops.check
        )
        for evaluation in ([False, True] if recipe.has_exam(job) else [False])
    ]
    train_side, evaluation = sides[0], sides[1] if len(sides) == 2 else None
    data.require_both(train_side, evaluation)
    return train_side, evaluation


# Trainer.


def build(job: Job, material: Material, model: Any, planned: Plan) -> Supervised:
    """Return TRL's trainer over the model with a fresh adapter, seeded by the run's seed."""
    trainer = Supervised(
        model=model,
        args=arguments.configure(
            job.spec, planned, material.precision, job.working_folder, packing=material.packing
        ),
        train_dataset=material.train.examples,
        eval_dataset=material.evaluation.examples if material.evaluation else None,
        processing_class=material.tokenizer,
        peft_config=new_words.learned(
            adapting.config(job.spec, model, planned, job.start_folder), model, material.words
        ),
    )
    new_words.complete(trainer.model)
    return trainer


def facts(job: Job, material: Material) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    evaluation = material.evaluation
    return {
        **material.train.count.facts("train"),
        **(evaluation.count.facts("eval") if evaluation else {}),
        "learned_share": material.train.count.learned / material.train.count.tokens,
        "blocks": len(material.train.examples),
        "packing": material.packing,
        "template": material.template.words,
        "template_told": [*material.template.told, *material.words.told],
        "new_words": len(material.words.pieces),
        "answers_found_by": str(material.template.marking) if job.spec.response_only else None,
        "precision": material.precision.name,
    }


if __name__ == "__main__":
    fresh_process.run()
