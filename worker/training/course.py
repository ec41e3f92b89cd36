"""The course of a run: after each step it reports, and decides whether to examine, save or stop."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from storage import checkpoints
from storage.errors import StudioError
from storage.metrics import Point
from worker.training import patience
from worker.training.arguments import Plan
from worker.training.checkpoints import rotate, seal
from worker.training.distributed import together
from worker.training.job import Job
from worker.training.journal import journal
from worker.training.reporting import Reporter, memory_bytes
from worker.training.stops import Interrupted, Stop, Stops

_SECONDS_BETWEEN_LINES = 2.0


@dataclass
class _Clock:
    """Moments in seconds of time.monotonic, and tokens seen so far in this attempt."""

    began: float = 0.0
    step_began: float = 0.0
    step_took: float = 0.0
    last_line: float = 0.0
    tokens: float = 0.0


class Course(TrainerCallback):
    """The trainer's callback.

    Args:
        job: the attempt.
        planned: when to examine and save.
        reporter: takes points and columns.
        stops: knows whether somebody asked to stop.
        curves: what else the trainer logs, by its name there: the name of the curve.
    """

    def __init__(
        self,
        job: Job,
        planned: Plan,
        reporter: Reporter,
        stops: Stops,
        curves: Mapping[str, str] | None = None,
    ) -> None:
        self.job = job
        self.plan = planned
        self.reporter = reporter
        self.stops = stops
        self.stopped: Stop | None = None
        self._curves = curves or {}
        self._clock = _Clock()
        self._parts = 0  # of the exam under way
        self._examined: tuple[int, float] | None = None  # step and loss of the last exam
        self._reported_first = False

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Start the clock."""
        self._clock.began = time.monotonic()

    def on_step_begin(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Note when the step began."""
        self._clock.step_began = time.monotonic()

    def on_step_end(
        self, _args: Any, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Decide what happens after this step."""
        self._clock.step_took = time.monotonic() - self._clock.step_began
        step, last = state.global_step, state.global_step >= self.plan.total_steps
        self.stopped = self.stops.agreed()
        if self.stopped is Stop.DISCARD:
            control.should_training_stop = True
            return control
        control.should_evaluate = last and self.plan.eval_every is not None
        control.should_evaluate |= _is_due(step, self.plan.eval_every)
        control.should_save = last or _is_due(step, self.plan.save_every)
        if self.stopped is not None:
            control.should_save = control.should_training_stop = True
        return control

    def on_log(
        self, _args: Any, state: TrainerState, _control: Any, logs: dict[str, float], **_: Any
    ) -> None:
        """Report a step. Raises StudioError where the loss is no number any more."""
        if "loss" not in logs:
            return
        state.log_history.pop()  # the curve is in the database; a state would grow with each step
        speed = self._speed(logs["num_tokens"])
        values = {
            **{name: logs[name] for name in ("loss", "learning_rate", "grad_norm")},
            **{curve: logs[name] for name, curve in self._curves.items() if name in logs},
            "tokens_per_second": speed,
            "memory_bytes": together.highest(memory_bytes()),
        }
        self._report(state.global_step, values)
        self._write_line(state.global_step, logs["loss"])
        # With float16 the scaler skips steps whose gradient overflows: that is its way of working.
        watched = ("loss",) if _args.fp16 else ("loss", "grad_norm")
        self._require_finite({name: logs[name] for name in watched}, state.global_step)

    def on_prediction_step(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Leave an exam at once where the run is to be discarded; others are brought to an end."""
        if self.stops.wanted() is Stop.DISCARD:
            raise Interrupted
        self._parts += 1
        self.reporter.report([], stage=f"taking the exam, part {self._parts}")

    def on_evaluate(
        self,
        _args: Any,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        **_: Any,
    ) -> TrainerControl:
        """Report an exam; save where it is due; stop where it no longer improves."""
        step, loss, self._parts = state.global_step, metrics["eval_loss"], 0
        also = {
            f"eval_{curve}": metrics.get(f"eval_{name}") for name, curve in self._curves.items()
        }
        found = {
            "eval_loss": loss,
            **{name: value for name, value in also.items() if value is not None},
        }
        self.reporter.report([Point(name, step, value) for name, value in found.items()])
        journal.info("exam after step %d: loss %.4f", step, loss)
        self._require_finite({"eval_loss": loss}, step)
        self._examined = (step, loss)
        exams = patience.counted(patience.exams_in(state.log_history), self.job.extended_at)
        is_best = all(loss < earlier.loss for earlier in exams[:-1])
        control.should_save |= self.plan.save_every is None or is_best
        if patience.is_exhausted(exams, self.job.spec.early_stopping):
            control.should_save = control.should_training_stop = True
        return control

    def on_save(self, args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        """Seal the checkpoint, once all points up to it are durable; rotate older ones."""
        together.wait()  # each process has written a part of it
        if not together.is_first():
            return
        step = state.global_step
        loss = self._examined[1] if self._examined and self._examined[0] == step else None
        self.reporter.flush()
        seal(self.job, Path(args.output_dir) / f"checkpoint-{step}", step, loss)
        rotate(self.job)
        best = checkpoints.best_of(checkpoints.newest_first(self.job.run_folder))
        is_judged = best is not None and best.eval_loss is not None
        best_step = best.step if best is not None and is_judged else None
        self.reporter.report([], checkpoint_step=step, best_step=best_step)
        journal.info("saved after step %d", step)

    def _report(self, step: int, values: dict[str, float]) -> None:
        at = time.time()
        self.reporter.report(
            [Point(name, step, value, at) for name, value in values.items()],
            urgent=not self._reported_first,
            stage="training",
            step=step,
            progress=step / self.plan.total_steps,
            tokens_per_second=values["tokens_per_second"],
            memory_bytes=int(values["memory_bytes"]),
            seconds=self.job.run.seconds + time.monotonic() - self._clock.began,
        )
        self._reported_first = True

    def _speed(self, tokens: float) -> float:
        new, self._clock.tokens = tokens - self._clock.tokens, tokens
        return new / max(self._clock.step_took, 1e-9)

    def _write_line(self, step: int, loss: float) -> None:
        now = time.monotonic()
        is_edge = step in (1, self.plan.total_steps)
        if is_edge or now - self._clock.last_line >= _SECONDS_BETWEEN_LINES:
            self._clock.last_line = now
            journal.info("step %d of %d, loss %.4f", step, self.plan.total_steps, loss)

    def _require_finite(self, values: dict[str, float], step: int) -> None:
        if all(map(math.isfinite, values.values())):
            return
        self.reporter.flush()
        what = "gradient" if list(values)[-1] == "grad_norm" and _is_number(values) else "loss"
        raise StudioError(
            f"The {what} became NaN at step {step}.",
            "Lower the learning speed (learning rate), for example to a tenth, and start again.",
        )


def is_over(job: Job, checkpoint_folder: Path, planned: Plan) -> bool:
    """Tell whether the run had reached its end when that checkpoint was written."""
    if patience.steps_of(checkpoint_folder) >= planned.total_steps:
        return True
    exams = patience.counted(patience.exams_of(checkpoint_folder), job.extended_at)
    return patience.is_exhausted(exams, job.spec.early_stopping)


def _is_due(step: int, interval: int | None) -> bool:
    return interval is not None and step % interval == 0


def _is_number(values: dict[str, float]) -> bool:
    return math.isfinite(values.get("loss", math.nan))
