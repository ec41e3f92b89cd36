"""Probe prompts: when a run answers them, and what becomes of the answers."""

from functools import partial
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from storage import probes
from storage.mappings import Target
from worker.training.distributed import together
from worker.training.job import Job
from worker.training.journal import journal
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.voice import Voice
from worker.training.writing import REFUSALS

_FAILURES = (*REFUSALS, RuntimeError, AttributeError)
"""What a model's own way of writing raises where it does not have one, or lacks memory."""

_FAILURES_OF_ALL = (*REFUSALS, AttributeError)
"""Those that all processes of a divided model meet at the same moment."""


def attach(job: Job, trainer: Any, tokenizer: Any, told: tuple[Reporter, Stops]) -> None:
    """Let a complete trainer answer the prompts of its run, if there are any."""
    if job.spec.probe_prompts and job.spec.method != "reward":
        voice = Voice(trainer, tokenizer, chats=job.dataset.target != Target.TEXT)
        trainer.add_callback(Probes(job, trainer, voice, told))


class Probes(TrainerCallback):
    """Asks before the first step, at each exam (without exams: each save) and at the end.

    Comes after the callback that decides about exams.

    Args:
        job: the attempt.
        trainer: its trainer, before its first step.
        voice: answers with the trainer's model.
        told: takes what the run is at; knows whether somebody asked to stop.
    """

    def __init__(self, job: Job, trainer: Any, voice: Voice, told: tuple[Reporter, Stops]) -> None:
        self._job, self._trainer, self._voice = job, trainer, voice
        self._reporter, self._stops = told
        self._gave_up = False

    def on_train_begin(
        self, _args: Any, state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Ask the model that the run begins with."""
        if state.global_step == 0:
            self._ask(state)

    def on_log(
        self,
        _args: Any,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float],
        **_: Any,
    ) -> None:
        """Ask before the exam; the saved state that follows then has its answers beside it."""
        if "loss" in logs and (control.should_evaluate or control.should_save):
            self._ask(state)

    def _ask(self, state: TrainerState) -> None:
        """Answer, unless it is done, or stops; a divided model answers with all its processes."""
        is_divided = self._trainer.is_fsdp_enabled
        if is_divided:
            due = together.told(partial(self._is_due, state.global_step))
        else:
            due = state.is_world_process_zero and self._is_due(state.global_step)
        if due:
            self._reporter.report([], stage="answering your questions")
            self._answer(state.global_step, _FAILURES_OF_ALL if is_divided else _FAILURES)

    def _is_due(self, step: int) -> bool:
        if self._gave_up or self._stops.wanted() is not None:
            return False
        return not probes.are_kept(self._job.database, self._job.run.id, step)

    def _answer(self, step: int, failures: tuple[type[Exception], ...]) -> None:
        try:
            found = self._voice.answer(self._job.spec.probe_prompts, self._stops)
        except failures as error:
            self._give_up(str(error).strip().splitlines()[0][:200] if str(error).strip() else "")
            return
        if found and together.is_first():
            job = self._job
            probes.keep(job.database, job.run.id, job.attempt, step, found)
            journal.info("%d questions answered after step %d", len(found), step)

    def _give_up(self, reason: str) -> None:
        """Go on without: answers are there to be looked at, and no run should end for them."""
        self._gave_up = True
        if not together.is_first():
            return
        words = f"The questions are answered no more. {reason}".strip()
        job = self._job
        probes.give_up(job.database, job.run.id, job.attempt, words)
        journal.warning("%s", words)
