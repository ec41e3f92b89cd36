"""Supervised fine-tuning with LoRA, from top to bottom: start, data, model, trainer, train, save.

By hand: `python -m worker.training.sft RUN_ID` trains a queued run in this process, see `by_hand`.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import PrinterCallback

from storage import adapters, artifacts, checkpoints, ids, metrics, rows, settings
from storage.checkpoints import Checkpoint
from storage.status import RunStatus
from worker.export import adapter as export
from worker.training import arguments, data, first_batch, models, precision, templates
from worker.training.arguments import Plan
from worker.training.checkpoints import (
    Start,
    clear_leftovers,
    discard,
    find_start,
    library_versions,
)
from worker.training.course import Course, is_over
from worker.training.data import Side
from worker.training.job import Job, Outcome
from worker.training.journal import journal
from worker.training.precision import Precision
from worker.training.reporting import Reporter
from worker.training.stops import Interrupted, Stop, Stops
from worker.training.templates import Template
from worker.training.tokens import Encoder
from worker.training.trainer import Trainer, answers_only_head, float_adapter


@dataclass(frozen=True)
class Ready:
    """Everything a run needs to begin its steps. `evaluation` is None where there is no exam."""

    tokenizer: Any
    template: Template
    model: Any
    precision: Precision
    train: Side
    evaluation: Side | None
    packing: bool
    plan: Plan


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run from its newest whole checkpoint to its end, or until stopped.

    Raises:
        StudioError: something the person can change is in the way.
    """
    start = find_start(job)
    clear_leftovers(job, start)
    metrics.resume_from(job.database, job.run.id, job.attempt, start.step)
    journal.info("going on after step %d" if start.step else "starting", *_given(start.step))
    try:
        ready = prepare(job, reporter, stops)
        stopped = run_steps(job, ready, start, (reporter, stops))
    except Interrupted:
        stopped = stops.wanted()
    finally:
        artifacts.remove(job.working_folder)
    return save(job, reporter, stopped)


# Data and model.


def prepare(job: Job, reporter: Reporter, stops: Stops) -> Ready:
    """Read the data, load the model and plan the steps."""
    spec = job.spec
    data.require_supervised(job.dataset.target)
    _stage(reporter, stops, "loading the tokenizer")
    tokenizer = models.load_tokenizer(job.base_folder)
    template = templates.choose(tokenizer)
    _stage(reporter, stops, "reading the data")
    encoder = Encoder(tokenizer, template, response_only=spec.response_only)
    train_side = data.encode(_rows(job, evaluation=False), encoder, spec.max_length, stops.check)
    evaluation = None
    if has_exam(job):
        exam_rows = _rows(job, evaluation=True)
        evaluation = data.encode(exam_rows, encoder, spec.max_length, stops.check)
    data.require_both(train_side, evaluation)
    _stage(reporter, stops, "loading the model")
    formats = precision.of(spec)
    model = models.load_model(job.base_folder, spec, formats)
    highest = max(train_side.highest, evaluation.highest if evaluation else -1)
    models.require_fitting(tokenizer, model, highest)
    packing = spec.packing and models.isolates(model)
    if packing:
        train_side = data.pack(train_side, spec.max_length)
        evaluation = evaluation and data.pack(evaluation, spec.max_length)
    planned = arguments.plan(spec, len(train_side.examples), has_exam=evaluation is not None)
    return Ready(tokenizer, template, model, formats, train_side, evaluation, packing, planned)


def has_exam(job: Job) -> bool:
    """Tell whether rows are kept for the exam: those that the data marks, else a share of all."""
    return job.dataset.rows_held_out > 0 or job.spec.eval_share > 0


def _rows(job: Job, *, evaluation: bool) -> Iterable[dict[str, Any]]:
    share, marked = job.spec.eval_share, job.dataset.rows_held_out > 0
    for row in rows.iterate(job.rows_folder):
        if rows.is_exam(row, share, data.SPLIT_SEED, marked=marked) is evaluation:
            yield row


# Trainer and steps.


def run_steps(job: Job, ready: Ready, start: Start, told: tuple[Reporter, Stops]) -> Stop | None:
    """Train until the end or until somebody asks to stop; returns why it stopped early."""
    reporter, stops = told
    trainer = build(job, ready)
    course = Course(job, ready.plan, reporter, stops)
    trainer.add_callback(course)
    reporter.report(
        [], stage="training", total_steps=ready.plan.total_steps, facts=facts(job, ready, trainer)
    )
    if start.checkpoint and is_over(start.checkpoint.folder, ready.plan, job.spec.early_stopping):
        return None
    if not start.step:
        trainer.on_first_batch = partial(
            first_batch.keep, job.run_folder, tokenizer=ready.tokenizer
        )
    with answers_only_head():
        trainer.train(resume_from_checkpoint=start.folder)
    return course.stopped


def build(job: Job, ready: Ready) -> Trainer:
    """Return TRL's trainer over the model with a fresh adapter, seeded by the run's seed."""
    trainer = Trainer(
        model=ready.model,
        args=arguments.configure(
            job.spec, ready.plan, ready.precision, job.working_folder, packing=ready.packing
        ),
        train_dataset=ready.train.examples,
        eval_dataset=ready.evaluation.examples if ready.evaluation else None,
        processing_class=ready.tokenizer,
        peft_config=models.lora(job.spec, ready.model),
    )
    trainer.remove_callback(PrinterCallback)
    float_adapter(trainer.model)
    trainer.model.create_or_update_model_card = lambda _folder: None  # ours comes with the adapter
    trainer.model.peft_config["default"].base_model_name_or_path = job.base_name
    return trainer


def facts(job: Job, ready: Ready, trainer: Trainer) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    learning = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    with answers_only_head() as path:
        return {
            **ready.train.count.facts("train"),
            **(ready.evaluation.count.facts("eval") if ready.evaluation else {}),
            "exam_chosen_by": _chosen_by(job),
            "learned_share": ready.train.count.learned / ready.train.count.tokens,
            "blocks": len(ready.train.examples),
            "packing": ready.packing,
            "template": "built in" if ready.template.is_plain else "the model's own",
            "answers_found_by": str(ready.template.marking) if job.spec.response_only else None,
            "precision": ready.precision.name,
            "path": path,
            "trainable_parameters": learning,
            "device": "graphics card" if torch.cuda.is_available() else "processor",
            "threads": torch.get_num_threads(),
            "libraries": library_versions(),
        }


def _chosen_by(job: Job) -> str | None:
    if not has_exam(job):
        return None
    return "the data's own marks" if job.dataset.rows_held_out else "a share of the rows"


# Save.


def save(job: Job, reporter: Reporter, stopped: Stop | None) -> Outcome:
    """End the attempt: publish the best checkpoint's adapter, unless the run goes on or is gone."""
    if stopped is Stop.DISCARD:
        reporter.flush()
        discard(job)
        return Outcome(RunStatus.DISCARDED, "Discarded as asked.")
    if stopped is Stop.SHUTDOWN:
        return Outcome(RunStatus.QUEUED, "The worker is shutting down; the run goes on later.")
    there = checkpoints.newest_first(job.run_folder)
    whole = [checkpoint for checkpoint in there if checkpoints.is_whole(checkpoint)]
    best = checkpoints.best_of(whole)
    if best is None:
        return Outcome(RunStatus.STOPPED, "Stopped before the first step; there is no adapter.")
    reporter.report([], urgent=True, stage="writing the adapter")
    reporter.flush()
    publish(job, best)
    words = f"The adapter is the one of step {best.step}."
    if stopped is Stop.KEEP:
        return Outcome(RunStatus.STOPPED, f"Stopped after step {there[0].step}. {words}")
    return Outcome(RunStatus.FINISHED, f"Finished after step {there[0].step}. {words}")


def publish(job: Job, best: Checkpoint) -> None:
    """Write the adapter folder whole, then make it the run's adapter."""
    adapter_id = ids.new("adapter")
    folder = job.files.adapter(adapter_id)
    with artifacts.staged(folder, {"run_id": job.run.id, "step": best.step}) as staging:
        export.write(staging, job, best)
    weights = folder / "adapter_model.safetensors"
    found = {
        "step": best.step,
        "eval_loss": best.eval_loss,
        "bytes": artifacts.size(folder),
        "sha256": artifacts.sha256(weights),
    }
    adapters.publish(job.database, job.run.id, job.attempt, adapter_id, found)
    journal.info("the adapter of step %d is ready", best.step)


def _stage(reporter: Reporter, stops: Stops, words: str) -> None:
    stops.check()
    reporter.report([], stage=words)
    journal.info("%s", words)


def _given(step: int) -> tuple[int, ...]:
    return (step,) if step else ()


if __name__ == "__main__":
    # The libraries read the environment when they are imported, so it takes a fresh process.
    settings.quiet_libraries(settings.load().home, offline=True)
    os.execv(sys.executable, [sys.executable, "-m", "worker.training.by_hand", *sys.argv[1:]])
