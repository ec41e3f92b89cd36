"""How far a run has come beside its steps: tokens read and seconds spent since it began.

Runs are compared by them. An attempt that goes on from a step counts on from what that step had.
"""

import time
from typing import Any

from transformers import TrainerCallback, TrainerState

from storage import metrics
from storage.metrics import Point
from worker.training.job import Job
from worker.training.reporting import Reporter


class Amounts(TrainerCallback):
    """Reports both after each step, as the curves of `metrics.AMOUNTS`.

    Args:
        job: the attempt; points after the step it goes on from have been removed.
        reporter: takes the points.
    """

    def __init__(self, job: Job, reporter: Reporter) -> None:
        self._reporter = reporter
        self._before = [metrics.newest(job.database, job.run.id, name) for name in metrics.AMOUNTS]
        self._began: float | None = None

    def on_step_begin(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Start the clock at the first step: what comes before it is no training."""
        if self._began is None:
            self._began = time.monotonic()

    def on_log(
        self, _args: Any, state: TrainerState, _control: Any, logs: dict[str, float], **_: Any
    ) -> None:
        """Report a step; the trainer counts the tokens of this attempt."""
        if "loss" not in logs or self._began is None:
            return
        here = (logs["num_tokens"], time.monotonic() - self._began)
        reached = zip(metrics.AMOUNTS, self._before, here, strict=True)
        self._reporter.report(
            [Point(name, state.global_step, before + new) for name, before, new in reached]
        )
