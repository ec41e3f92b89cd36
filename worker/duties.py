"""What a worker has claimed, and what it may say about it: a run, or background work."""

import contextlib
from dataclasses import dataclass, field
from typing import Any, Protocol

from storage import analyses, artifacts, attempts, work
from storage.analyses import Kind
from storage.artifacts import Artifacts
from storage.database import Database
from storage.errors import StudioError
from storage.runs import Run
from storage.settings import Settings
from storage.status import RunStatus, StopRequest, WorkStatus
from storage.tables import DatasetRow
from worker import entries, failures
from worker.devices import Machine
from worker.endings import DISK_FULL, FAILED, KEPT, OUT_OF_MEMORY, Ending
from worker.entries import Entries, Task
from worker.failures import Death
from worker.standstill import Pulse
from worker.telemetry import Meter


class Duty(Protocol):
    """One attempt that this worker holds. Every method raises Superseded when it no longer does."""

    @property
    def task(self) -> Task:
        """What the child is to do."""

    def begin(self) -> None:
        """Note that the child is at work."""

    def measured(self, pid: int) -> contextlib.AbstractContextManager[object]:
        """Measure what the child takes of the machine, inside of the context."""

    def beat(self) -> StopRequest | None:
        """Extend the lease; returns what a person has asked."""

    def pulse(self) -> Pulse | None:
        """What changes while the work gets on; None: nothing is expected to change."""

    @property
    def hang_seconds(self) -> float:
        """How long the work may stand still at least."""

    def stood_still(self, words: str) -> None:
        """Note that the child was ended because it got on no more."""

    def end(self, ending: Ending) -> None:
        """Note how it ended."""

    def died(self, death: Death) -> None:
        """Note that the child died without a word."""

    def release(self) -> None:
        """Let go in order: it is taken up again, and that counts as no crash."""


@dataclass(frozen=True)
class RunDuty:
    """An attempt of a run."""

    database: Database
    settings: Settings
    run: Run
    table: Entries
    machine: Machine = field(default_factory=Machine)

    @property
    def task(self) -> Task:
        """The training. Its process never gets the hub's token."""
        settings = self.settings.model_copy(update={"environment_hub_token": None})
        folder = Artifacts(settings.home).run(self.run.id)
        cards = self.machine.visible(self.run.device)
        return Task(self.table[entries.RUN], settings, *self._key, folder, cards)

    def begin(self) -> None:
        """Note that the child is training."""
        attempts.begin(self.database, *self._key)

    def measured(self, pid: int) -> Meter:
        """Take samples of what the run takes of the machine."""
        return Meter(self.database, self.run, pid, self.machine)

    def beat(self) -> StopRequest | None:
        """Extend the lease; returns what a person has asked of the run."""
        return attempts.heartbeat(self.database, *self._key, self.settings.lease_seconds)

    def pulse(self) -> Pulse | None:
        """Return the run's stage and step."""
        return attempts.pulse(self.database, self.run.id)

    @property
    def hang_seconds(self) -> float:
        """As the settings say."""
        return self.settings.hang_seconds

    def stood_still(self, words: str) -> None:
        """Put the run back into the queue once, and fail it when it stands still again."""
        attempts.stood_still(self.database, *self._key, words, str(self.task.standstill_file))

    def end(self, ending: Ending) -> None:
        """Note the end that the child told; a child that was asked to shut down lets go."""
        status = RunStatus(ending.status)
        if status is RunStatus.QUEUED:
            self.release()
        elif ending.found.get(OUT_OF_MEMORY):
            attempts.out_of_memory(self.database, *self._key, ending.words)
        elif ending.found.get(DISK_FULL):
            attempts.pause(self.database, *self._key, ending.words, ending.hint)
        else:
            attempts.end(self.database, *self._key, status, ending.words, ending.hint)

    def died(self, death: Death) -> None:
        """Put the run back into the queue, or fail it where that would not help."""
        if death.out_of_memory:
            reason = f"{death.reason[:1].upper()}{death.reason[1:]}."
            attempts.out_of_memory(self.database, *self._key, reason)
        elif death.known is failures.FULL:
            told = failures.full(self.task.folder)
            attempts.pause(self.database, *self._key, told.message, told.hint)
        elif death.known is None:
            attempts.put_back(self.database, *self._key, death.reason)
        else:
            self.end(Ending(FAILED, death.known.message, death.known.hint))

    def release(self) -> None:
        """Put the run back into the queue."""
        attempts.release(self.database, *self._key)

    @property
    def _key(self) -> tuple[str, int]:
        return self.run.id, self.run.attempt


@dataclass(frozen=True)
class WorkDuty:
    """An attempt at preparing a dataset or a base model, at an analysis, or at an evaluation."""

    database: Database
    settings: Settings
    row: Any
    table: Entries

    @property
    def task(self) -> Task:
        """The preparing; what kind it is says the row."""
        kind = entries.kind_of(self.row)
        folder = entries.folder_of(self.settings, self.row.id)
        settings = self.settings
        if not self.table[kind].online:
            settings = settings.model_copy(update={"environment_hub_token": None})
        return Task(self.table[kind], settings, self.row.id, self.row.attempt, folder)

    def begin(self) -> None:
        """Nothing to note: claimed work is being worked on."""

    def measured(self, pid: int) -> contextlib.nullcontext[None]:
        """Only runs are measured."""
        return contextlib.nullcontext()

    def beat(self) -> StopRequest | None:
        """Extend the lease; nobody can stop it but by deleting the row."""
        key = (self.row.id, self.row.attempt)
        work.heartbeat(self.database, self._rows, *key, self.settings.lease_seconds)
        return None

    def pulse(self) -> Pulse | None:
        """Nothing: how far background work is may stay the same for long."""
        return None

    @property
    def hang_seconds(self) -> float:
        """As the settings say."""
        return self.settings.hang_seconds

    def stood_still(self, words: str) -> None:
        """Let it be tried again."""
        work.crashed(self.database, self._rows, self._key, words)

    def end(self, ending: Ending) -> None:
        """Note what the child has found, or why it could not."""
        if ending.status == FAILED:
            reason = StudioError(ending.words, ending.hint)
            work.fail(self.database, self._rows, self._key, reason)
        elif ending.status == WorkStatus.UNSURE:
            work.ask(self.database, self._rows, self._key, **ending.found)
        else:
            work.finish(self.database, self._rows, self._key, **ending.found)
            artifacts.remove(self.task.folder / KEPT)
            self._look_with_care()

    def died(self, death: Death) -> None:
        """Let it be tried again, or fail it where that would not help."""
        if death.known is None:
            work.crashed(self.database, self._rows, self._key, death.reason.capitalize() + ".")
        else:
            self.end(Ending(FAILED, death.known.message, death.known.hint))

    def release(self) -> None:
        """Let it wait again."""
        work.release(self.database, self._rows, self._key)

    def _look_with_care(self) -> None:
        """Ask what should be known about a dataset that is ready, before anybody else asks."""
        if isinstance(self.row, DatasetRow):
            with contextlib.suppress(StudioError):  # the dataset was deleted in this moment
                analyses.ask(self.database, self.row.owner, self.row.id, Kind.CARE)

    @property
    def _rows(self) -> Any:
        return type(self.row)

    @property
    def _key(self) -> tuple[str, int]:
        return self.row.id, self.row.attempt
