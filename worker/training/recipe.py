"""What all recipes share, in the order of a run: start, stages, rows, steps, facts, save.

A recipe brings the three chapters that differ: its data, its model and its trainer.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from transformers import PrinterCallback

from storage import (
    adapters,
    artifacts,
    checkpoints,
    combinations,
    earlier_specs,
    events,
    ids,
    metrics,
    rows,
)
from storage.checkpoints import Checkpoint
from storage.errors import Refused, StudioError
from storage.status import RunStatus
from worker.export import adapter as export
from worker.training import (
    adapting,
    first_batch,
    memory_errors,
    patience,
    probes,
    room,
    starting,
    unchanged,
)
from worker.training.amounts import Amounts
from worker.training.arguments import Plan
from worker.training.checkpoints import (
    Start,
    clear_leftovers,
    discard,
    find_start,
    library_versions,
)
from worker.training.course import Course, is_over
from worker.training.distributed import together
from worker.training.job import Job, Outcome
from worker.training.journal import journal
from worker.training.reporting import Reporter
from worker.training.stops import Interrupted, Stop, Stops


@dataclass(frozen=True)
class Ready:
    """Everything a run needs to begin its steps.

    Attributes:
        tokenizer: the base model's.
        trainer: the library's, seeded and complete; see `worker.training.trainer`.
        plan: how many steps, and when it is examined and saved.
        facts: what the run's page and the model card tell about how it was trained.
        steps: a context in which the steps are taken, such as a faster way of computing them.
        curves: what else the trainer logs and the run's page shows, by the trainer's own name:
            the name of the curve. What is logged in an exam has `eval_` in front of both.
    """

    tokenizer: Any
    trainer: Any
    plan: Plan
    facts: dict[str, Any]
    steps: Callable[[], AbstractContextManager[object]] = nullcontext
    curves: Mapping[str, str] = field(default_factory=dict)


EARLY_STOP = "early_stop"
"""Kind of the event that tells of a run that stopped improving."""

FOLLOWED = Outcome(RunStatus.QUEUED, "Another process of this run tells how it ended.")
"""Of all processes but the first."""

Prepare = Callable[[Job, Reporter, Stops], Ready]
"""A recipe's own chapters: read the data, load the model, make the trainer."""


def train(job: Job, reporter: Reporter, stops: Stops, prepare: Prepare) -> Outcome:
    """Train one attempt of a run from its newest whole checkpoint to its end, or until stopped.

    Raises:
        StudioError: something the person can change is in the way.
    """
    _require_possible(job)
    start = together.told(partial(_begin, job))
    try:
        ready = prepare(job, reporter, stops)
        stopped = run_steps(job, ready, start, (reporter, stops))
    except Interrupted:
        stopped = stops.wanted()
    finally:
        if together.is_first():
            artifacts.remove(job.working_folder)
    return save(job, reporter, stopped) if together.is_first() else FOLLOWED


def _begin(job: Job) -> Start:
    """Settle where the attempt starts, and remove what lies beyond."""
    unchanged.require(job)
    starting.keep(job)
    start = find_start(job)
    clear_leftovers(job, start)
    metrics.resume_from(job.database, job.run.id, job.attempt, start.step)
    journal.info("going on after step %d" if start.step else "starting", *_given(start.step))
    return start


def _require_possible(job: Job) -> None:
    """Raise StudioError where the settings do not go together, or not with the data."""
    unknown = earlier_specs.lost(job.run.spec)
    if unknown:
        raise StudioError(
            f"Another version of the studio queued this run; this one cannot do what "
            f"{' and '.join(unknown)} meant there.",
            "Duplicate the run: its form shows what is left of its settings.",
        )
    against = combinations.data_fault(job.spec.method, job.dataset.target)
    if against:
        raise StudioError("The data does not fit this way of learning.", against)
    found = combinations.faults(job.spec, (job.base.facts or {}).get("model_type"))
    if found:
        raise Refused(found)


def stage(reporter: Reporter, stops: Stops, words: str) -> None:
    """Tell what the run is at, unless somebody asked to stop. Raises Interrupted."""
    stops.check()
    reporter.report([], stage=words)
    journal.info("%s", words)


# Rows.


def has_exam(job: Job) -> bool:
    """Tell whether rows are kept for the exam: those that the data marks, else a share of all."""
    return job.dataset.rows_held_out > 0 or job.spec.eval_share > 0


def rows_of(job: Job, *, evaluation: bool) -> Iterable[dict[str, Any]]:
    """Yield the rows to learn from, or those of the exam; none is ever in both."""
    share, marked = job.spec.eval_share, job.dataset.rows_held_out > 0
    is_exam = rows.exam_of(job.rows_folder, share, marked=marked)
    for row in rows.iterate(job.rows_folder):
        if is_exam(row) is evaluation:
            yield row


# Steps.


def run_steps(job: Job, ready: Ready, start: Start, told: tuple[Reporter, Stops]) -> Stop | None:
    """Train until the end or until somebody asks to stop; returns why it stopped early."""
    reporter, stops = told
    trainer = ready.trainer
    about = adapting.begin(job, trainer)
    trainer.remove_callback(PrinterCallback)
    curves = {**ready.curves, **adapting.curves(job.spec)}
    course = Course(job, ready.plan, reporter, stops, curves)
    trainer.add_callback(course)
    trainer.add_callback(Amounts(job, reporter))
    probes.attach(job, trainer, ready.tokenizer, told)
    facts = {**ready.facts, **facts_of(job, trainer), **about}
    reporter.report([], stage="training", total_steps=ready.plan.total_steps, facts=facts)
    if start.checkpoint and is_over(job, start.checkpoint.folder, ready.plan):
        return None
    room.require(job, trainer.model)
    if not start.step and together.is_first():
        trainer.on_first_batch = partial(
            first_batch.keep, job.run_folder, tokenizer=ready.tokenizer
        )
    with ready.steps(), memory_errors.told():
        trainer.train(resume_from_checkpoint=start.folder)
    return course.stopped


def facts_of(job: Job, trainer: Any) -> dict[str, Any]:
    """Return what is to be told of every run, whatever its recipe."""
    return {
        "method": job.spec.method,
        "exam_chosen_by": _chosen_by(job),
        "trainable_parameters": sum(
            parameter.numel() for parameter in trainer.model.parameters() if parameter.requires_grad
        ),
        "device": "graphics card" if torch.cuda.is_available() else "processor",
        "threads": torch.get_num_threads(),
        **_together(job),
        "libraries": library_versions(),
        **_read_at_once(job),
        **starting.facts(job),
    }


def _together(job: Job) -> dict[str, str]:
    """Return how many processes train, where there are several."""
    several = job.spec.processes > 1
    words = f"{job.spec.processes} ({job.spec.sharding.upper()})"
    return {"processes": words} if several else {}


def _read_at_once(job: Job) -> dict[str, int]:
    """Return how the batch was halved, where memory had run out."""
    if not job.run.halvings:
        return {}
    return {"read_at_once": job.spec.batch_size, "times_before_correction": job.spec.accumulation}


def _chosen_by(job: Job) -> str | None:
    if not has_exam(job):
        return None
    return "the data's own marks" if job.dataset.rows_held_out else "a share of the rows"


# Save.


def save(job: Job, reporter: Reporter, stopped: Stop | None) -> Outcome:
    """End the attempt: publish the best checkpoint, unless the run goes on or is gone."""
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
    made = "model" if job.spec.adapter == "full" else "adapter"
    reporter.report([], urgent=True, stage=f"writing the {made}")
    reporter.flush()
    publish(job, best)
    words = f"The {made} is the one of step {best.step}{_why_best(best)}."
    if stopped is Stop.KEEP:
        return Outcome(RunStatus.STOPPED, f"Stopped after step {there[0].step}. {words}")
    return Outcome(RunStatus.FINISHED, f"{_end_in_words(job, there[0])} {words}")


def _why_best(best: Checkpoint) -> str:
    return "" if best.eval_loss is None else ", which did best in the exams"


def _end_in_words(job: Job, last: Checkpoint) -> str:
    """Say after which step a run finished; of one that ended early why, as an event too."""
    exams = patience.counted(patience.exams_of(last.folder), job.extended_at)
    if not patience.is_exhausted(exams, job.spec.early_stopping):
        return f"Finished after step {last.step}."
    best, in_vain = patience.best_of(exams).step, patience.in_vain(exams)
    held = "1 exam" if in_vain == 1 else f"{in_vain} exams"
    words = f"It ends early: no better since step {best}, {held}."
    key = (job.database, job.run.id, job.attempt)
    events.tell(*key, EARLY_STOP, words, step=last.step, best_step=best, exams=in_vain)
    return f"Ended early after step {last.step}."


def publish(job: Job, best: Checkpoint) -> None:
    """Write the folder of the adapter or model whole, then make it what the run leaves."""
    adapter_id = ids.new("adapter")
    folder = job.files.adapter(adapter_id)
    with artifacts.staged(folder, {"run_id": job.run.id, "step": best.step}) as staging:
        export.write(staging, job, best)
    weights = export.weights_in(folder)
    found = {
        "step": best.step,
        "eval_loss": best.eval_loss,
        "bytes": artifacts.size(folder),
        "sha256": artifacts.sha256(weights),
    }
    adapters.publish(job.database, job.run.id, job.attempt, adapter_id, found)
    journal.info("the adapter of step %d is ready", best.step)


def _given(step: int) -> tuple[int, ...]:
    return (step,) if step else ()
