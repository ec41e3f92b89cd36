"""On-policy distillation: a model answers, and a larger one shows it, word by word, how.

By hand: `python -m worker.training.distill RUN_ID` trains a queued run in this process, see
`by_hand`. The method is that of arXiv 2306.13649, as TRL has it.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch

from storage.errors import StudioError
from worker.training import (
    adapting,
    arguments,
    data,
    distilling,
    divergence,
    fresh_process,
    models,
    precision,
    questions,
    recipe,
    starting,
    templates,
    vocabularies,
)
from worker.training.arguments import Plan
from worker.training.data import Side
from worker.training.distilling import Distilled
from worker.training.job import Job, Outcome
from worker.training.precision import Precision
from worker.training.questions import Asker, Questions
from worker.training.recipe import Ready
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.templates import Template
from worker.training.tokens import Encoder

PATH = "answers compared with the teacher's scores"

_LARGE_BYTES = 4_000_000_000
"""Above this a processor keeps the teacher in bfloat16: twice the size would not fit."""


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run. Raises StudioError, see `recipe.train`."""
    return recipe.train(job, reporter, stops, prepare)


def prepare(job: Job, reporter: Reporter, stops: Stops) -> Ready:
    """Read the questions, load student and teacher, make the trainer."""
    recipe.stage(reporter, stops, "loading the tokenizer")
    tokenizer = models.load_tokenizer(job.base_folder)
    other = models.load_tokenizer(job.teacher_folder)
    vocabularies.require_same((job.base.name, tokenizer), (job.taught_by.name, other))
    template = templates.of_run(tokenizer, job.spec)
    recipe.stage(reporter, stops, "reading the data")
    asked, evaluation = read(job, tokenizer, template, stops)
    recipe.stage(reporter, stops, "loading the model")
    formats = precision.of(job.spec)
    model = models.load_model(job.base_folder, job.spec, formats)
    recipe.stage(reporter, stops, "loading the teacher")
    teacher = load_teacher(job, formats)
    highest = max(asked.highest, evaluation.highest if evaluation else -1)
    for each, name in ((model, job.base.name), (teacher, job.taught_by.name)):
        models.require_fitting(tokenizer, each, highest)
        divergence.require_known_head(each, name)
    planned = arguments.plan(job.spec, len(asked.examples), has_exam=evaluation is not None)
    material = Material(tokenizer, template, asked, evaluation, formats)
    trainer = build(job, material, (model, teacher), planned)
    starting.put(job, trainer)
    return Ready(tokenizer, trainer, planned, facts(job, material), curves=distilling.CURVES)


@dataclass(frozen=True)
class Material:
    """What the model is asked, and examined on (None: there is no exam)."""

    tokenizer: Any
    template: Template
    asked: Questions
    evaluation: Side | None
    precision: Precision


# Data.


def read(
    job: Job, tokenizer: Any, template: Template, stops: Stops
) -> tuple[Questions, Side | None]:
    """Return the questions to answer, and the exam's rows with the data's own answers."""
    room = _room(job)
    asker = Asker(tokenizer, template)
    found = questions.read(recipe.rows_of(job, evaluation=False), asker, room, stops.check)
    questions.require_some(found, job.spec.answer_tokens)
    if not recipe.has_exam(job):
        return found, None
    encoder = Encoder(tokenizer, template, response_only=True)
    rows = recipe.rows_of(job, evaluation=True)
    examined = data.encode(rows, encoder, job.spec.max_length, stops.check)
    data.require_exam(examined)
    return found, examined


def _room(job: Job) -> int:
    """Tokens that a question may have, so that the longest answer fits behind it."""
    facts = [each.facts or {} for each in (job.base, job.taught_by)]
    contexts = [each["context_length"] for each in facts if each.get("context_length")]
    most = min([job.spec.max_length, *contexts])
    if job.spec.answer_tokens >= most:
        raise StudioError(
            f"An answer of {job.spec.answer_tokens:,} tokens leaves no room for a question: "
            f"{most:,} tokens are the most in all.",
            "Lower 'Longest answer it tries', or raise 'Longest example, in tokens'.",
        )
    return most - job.spec.answer_tokens


# Teacher.


def load_teacher(job: Job, formats: Precision) -> Any:
    """Return the teacher, frozen, quantized as the run's own model is."""
    folder = job.teacher_folder
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    if size > _LARGE_BYTES and formats.weights == torch.float32:
        formats = replace(formats, weights=torch.bfloat16)
    teacher = models.load_model(folder, job.spec, formats)
    return teacher.requires_grad_(False).eval()


# Trainer.


def build(job: Job, material: Material, pair: tuple[Any, Any], planned: Plan) -> Distilled:
    """Return the trainer over the student with a fresh adapter, seeded by the run's seed."""
    model, teacher = pair
    spec, evaluation = job.spec, material.evaluation
    return Distilled(
        model=model,
        teacher=teacher,
        args=distilling.configured(
            arguments.common(spec, planned, material.precision, job.working_folder),
            beta=spec.divergence,
            temperature=spec.answer_temperature,
            max_completion_length=spec.answer_tokens,
            prediction_loss_only=True,
        ),
        train_dataset=material.asked.examples,
        eval_dataset=evaluation.examples if evaluation else None,
        processing_class=material.tokenizer,
        peft_config=adapting.config(spec, model, planned, job.start_folder),
    )


def facts(job: Job, material: Material) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    evaluation = material.evaluation
    return {
        **material.asked.count.facts("train"),
        **(evaluation.count.facts("eval") if evaluation else {}),
        "teacher": job.taught_by.name,
        "blocks": len(material.asked.examples),
        "packing": False,
        "template": material.template.words,
        "precision": material.precision.name,
        "path": PATH,
    }


if __name__ == "__main__":
    fresh_process.run()
