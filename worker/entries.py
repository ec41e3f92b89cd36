"""What a child of the worker does, by kind of work: the table, and the way in and out."""

import errno
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from storage import logs, work
from storage.analyses import Kind
from storage.artifacts import Artifacts
from storage.base_models import Source
from storage.database import Database
from storage.datasets import NOT_MADE
from storage.errors import Superseded
from storage.settings import Settings
from storage.status import WorkStatus
from storage.tables import AnalysisRow, BaseModelRow, DatasetRow
from storage.trust_tables import EvaluationRow
from worker import endings, failures, isolation
from worker.endings import Ending

QUIET = "worker.quiet"
MAIN = "worker.__main__"
PRELOADED = "worker.training.preload"
"""What the forkserver imports once for all children, in this order.

A child goes through its parent's main module again: what that imports is then there already.
"""

SUPERSEDED = 75
"""Exit code of a child whose attempt a newer one has replaced (EX_TEMPFAIL)."""

_GENTLE = 10
"""Added to the niceness of a child that gives way to others."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Task:
    """One attempt at one piece of work; it travels to the child, so it holds no connection."""

    entry: "Entry"
    settings: Settings
    identifier: str
    attempt: int
    folder: Path
    cards: str | None = None
    """The graphics cards it may see, by their names with commas between; None: all."""

    @property
    def log_file(self) -> Path:
        """Where the child's output goes."""
        return self.folder / "log.txt"

    @property
    def standstill_file(self) -> Path:
        """Where it is kept what the child was doing when it got on no more."""
        return self.folder / f"standstill-{self.attempt}.txt"


@dataclass(frozen=True)
class Entry:
    """A kind of work.

    Attributes:
        do: what the child calls; it finds out how the work ends. Importable by its name.
        warm: whether the child is forked from a process that has imported the training libraries.
        online: whether the child may fetch from the hub and knows the token for it.
        gentle: whether the child gives way to a run, as nobody waits for it.
    """

    do: Callable[[Task], Ending]
    warm: bool = False
    online: bool = False
    gentle: bool = False


def train(task: Task) -> Ending:
    """Train an attempt of a run."""
    from worker.training import launch  # noqa: PLC0415  (torch: only the child loads it)

    outcome = launch.train(task.settings, task.identifier, task.attempt)
    return Ending(outcome.status, outcome.words)


def read_dataset(task: Task) -> Ending:
    """Read a dataset's file; where nothing tells which field is what, the end is a question."""
    from worker import prepare  # noqa: PLC0415  (the worker itself stays light)
    from worker.datasets.mapping import Unsure  # noqa: PLC0415  (as before)

    try:
        return _prepare(task, DatasetRow, prepare.dataset)
    except Unsure as unsure:
        return Ending(WorkStatus.UNSURE, found=unsure.found | {"question": unsure.question})


def look_with_care(task: Task) -> Ending:
    """Look for what should be known about a dataset before anything learns from it."""
    from worker import answers  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, AnalysisRow, answers.care)


def count_tokens(task: Task) -> Ending:
    """Count a dataset's tokens for a model."""
    from worker import answers  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, AnalysisRow, answers.tokens)


def show_tokens(task: Task) -> Ending:
    """Show some rows token by token."""
    from worker import answers  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, AnalysisRow, answers.preview)


def try_a_step(task: Task) -> Ending:
    """Find out how much memory a run would take."""
    from worker import answers  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, AnalysisRow, answers.memory)


def look_for_rules(task: Task) -> Ending:
    """Look for rows that break a rule of a safety profile."""
    from worker import answers  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, AnalysisRow, answers.safety)


def build_starter(task: Task) -> Ending:
    """Build the starter model."""
    from worker import prepare  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, BaseModelRow, prepare.starter)


def check_folder(task: Task) -> Ending:
    """Bring in a base model from a folder."""
    from worker import prepare  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, BaseModelRow, prepare.model_folder)


def download(task: Task) -> Ending:
    """Bring in a base model from the hub."""
    from worker import prepare  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, BaseModelRow, prepare.hub_model)


def evaluate(task: Task) -> Ending:
    """Put an evaluation's questions to its contestants."""
    from worker.evaluation import answers  # noqa: PLC0415  (the worker itself stays light)

    return _prepare(task, EvaluationRow, answers.evaluate)


Entries = Mapping[str, Entry]

RUN, DATASET, HUB_DATASET, ANSWERS = "run", "dataset", "hub_dataset", "answers"
EVALUATION = "evaluation"

ENTRIES: Entries = {
    RUN: Entry(train, warm=True),
    DATASET: Entry(read_dataset),
    HUB_DATASET: Entry(read_dataset, online=True),
    ANSWERS: Entry(read_dataset, warm=True, gentle=True),
    Kind.CARE: Entry(look_with_care, gentle=True),
    Kind.TOKENS: Entry(count_tokens, warm=True, gentle=True),
    Kind.PREVIEW: Entry(show_tokens, warm=True),
    Kind.MEMORY: Entry(try_a_step, warm=True),
    Kind.SAFETY: Entry(look_for_rules, gentle=True),
    EVALUATION: Entry(evaluate, warm=True, gentle=True),
    Source.STARTER: Entry(build_starter, warm=True),
    Source.FOLDER: Entry(check_folder),
    Source.HUB: Entry(download, online=True),
}
"""Every kind of work; a base model's is its source, an analysis' its kind."""


def kind_of(row: work.AnyRow) -> str:
    """Return the kind of background work that a row waits for."""
    if isinstance(row, EvaluationRow):
        return EVALUATION
    if isinstance(row, BaseModelRow):
        return row.source
    if isinstance(row, AnalysisRow):
        return row.kind
    made_by = (row.operation or {}).get("kind") if row.sha256 == NOT_MADE else None
    return {"hub": HUB_DATASET, "answers": ANSWERS}.get(str(made_by), DATASET)


def folder_of(settings: Settings, identifier: str) -> Path:
    """Return the folder for the log and the ending of background work."""
    return Artifacts(settings.home).work(identifier)


def enter(task: Task) -> None:
    """Do a task in the child: the main of its process."""
    isolation.enter(task.settings.home, task.log_file, task.attempt, online=task.entry.online)
    logs.configure("child")
    if not isolation.be_alone(task.folder):
        log.warning("an_earlier_attempt_is_still_there")
    if task.cards is not None:
        isolation.see_only(task.cards)
    if task.entry.gentle:
        os.nice(_GENTLE)
    try:
        ending = task.entry.do(task)
    except Superseded as superseded:
        log.warning("superseded", words=superseded.message)
        sys.exit(SUPERSEDED)
    except Exception as error:  # noqa: BLE001  (the door of the child: whatever it was is told)
        ending = failures.explain(error, task.log_file)
    try:
        endings.write(task.folder, task.attempt, ending)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(failures.NO_ROOM)


def greet() -> None:
    """Do nothing, in the forkserver's first child; fails where it has imported nothing for it."""
    sys.exit(0 if {MAIN, PRELOADED} <= sys.modules.keys() else 1)


def _prepare(task: Task, table: Any, find: Callable[..., dict[str, Any]]) -> Ending:
    """Find out something about a row; its progress goes to the database on the way."""
    from worker import prepare  # noqa: PLC0415  (the worker itself stays light)

    database = Database(task.settings.database)
    with database.read() as session:
        row = session.get_one(table, task.identifier)

    def report(share: float, words: str) -> None:
        work.report(database, table, (task.identifier, task.attempt), share, words)

    try:
        found = find(prepare.Place(task.settings, database), row, report)
        return Ending(WorkStatus.READY, found=found)
    finally:
        database.close()
