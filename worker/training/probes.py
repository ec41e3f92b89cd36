"""Probe prompts: when a run answers them, and what becomes of the answers."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from storage import probes
from storage.mappings import Target
from worker.training.job import Job
from worker.training.journal import journal
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.voice import Voice
from worker.training.writing import REFUSALS

_FAILURES = (*REFUSALS, RuntimeError, AttributeError)
"""What a model's own way of writing raises where it does not have one, or lacks memory."""


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
        run_id, step = self._job.run.id, state.global_step
        stopping = self._stops.wanted() is not None
        if self._gave_up or stopping or not state.is_world_process_zero:
            return
        if self._trainer.is_fsdp_enabled:
            self._give_up("The model is spread over several processes.")
        elif not probes.are_kept(self._job.database, run_id, step):
            self._reporter.report([], stage="answering your questions")
            self._answer(step)

    def _answer(self, step: int) -> None:
        try:
            found = self._voice.answer(self._job.spec.probe_prompts, self._stops)
        except _FAILURES as error:
            self._give_up(str(error).strip().splitlines()[0][:200] if str(error).strip() else "")
            return
        if found:
            job = self._job
            probes.keep(job.database, job.run.id, job.attempt, step, found)
            journal.info("%d questions answered after step %d", len(found), step)

    def _give_up(self, reason: str) -> None:
        """Go on without: answers are there to be looked at, and no run should end for them."""
        self._gave_up = True
        words = f"The questions are answered no more. {reason}".strip()
        job = self._job
        probes.give_up(job.database, job.run.id, job.attempt, words)
        journal.warning("%s", words)
