"""The door to the recipes: what a child of the worker calls to train one attempt of one run."""

import os
from collections.abc import Callable
from functools import partial

import torch

from storage.settings import Settings
from worker.training import distill, dpo, kto, orpo, pretrain, reward, sft
from worker.training.distributed import leader, together
from worker.training.distributed.mute import Mute
from worker.training.job import Job, Outcome, opened
from worker.training.journal import open_journal
from worker.training.reporting import Reporter
from worker.training.stops import Stops

__all__ = ["RECIPES", "Outcome", "train"]

RECIPES: dict[str, Callable[[Job, Reporter, Stops], Outcome]] = {
    "sft": sft.train,
    "pretrain": pretrain.train,
    "dpo": dpo.train,
    "kto": kto.train,
    "orpo": orpo.train,
    "reward": reward.train,
    "distill": distill.train,
}


def train(settings: Settings, run_id: str, attempt: int) -> Outcome:
    """Train an attempt that a worker has claimed, in the main thread of a process of its own.

    Where the run asks for several processes, this one leads them; all of the following holds too.
    SIGTERM ends it after the step under way, with a checkpoint; the status is then QUEUED. A newer
    attempt ends the process at once with exit code 75.

    Returns:
        the status that the run should now have (FINISHED, STOPPED, DISCARDED or QUEUED) and why.

    Raises:
        StudioError: something the person can change is in the way.
    """
    open_journal()
    job = opened(settings, run_id, attempt)
    if job.spec.processes == 1:
        torch.set_num_threads(len(os.sched_getaffinity(0)))  # fixed, or sums round differently
        return _lead(job)
    job.database.close()  # a connection does not survive a fork
    return leader.lead(partial(_take_part, settings, run_id, attempt), job.spec.processes)


def _take_part(settings: Settings, run_id: str, attempt: int) -> Outcome:
    job = opened(settings, run_id, attempt)
    return _lead(job) if together.is_first() else _follow(job)


def _lead(job: Job) -> Outcome:
    """Train as the only process, or as the one that reports for all."""
    reporter = Reporter(job.settings.database, job.run.id, job.attempt)
    stops = Stops(lambda: reporter.asked)
    stops.listen()
    try:
        return RECIPES[job.spec.method](job, reporter, stops)
    finally:
        reporter.close()
        job.database.close()


def _follow(job: Job) -> Outcome:
    try:
        return RECIPES[job.spec.method](job, Mute(), Stops(lambda: None))
    finally:
        job.database.close()
