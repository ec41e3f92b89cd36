"""Saved states of runs as a person manages them: what each is, what it takes, and which may go."""

import contextlib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from storage import adapters, artifacts, audit, checkpoints, owned, run_lists, runs
from storage.artifacts import Artifacts
from storage.audit import Action
from storage.checkpoints import Checkpoint
from storage.database import Database
from storage.errors import NotFound, StudioError
from storage.runs import Run
from storage.status import RESUMABLE, RunStatus
from storage.tables import RunRow


@dataclass(frozen=True)
class State:
    """A saved state.

    Attributes:
        name: as in the playground and in `start_from`.
        step: how many steps lie behind it.
        eval_loss: of the exam at that step; None where there was none.
        bytes: size of its files.
        is_best: what people talk to and download comes from it.
        is_newest: the run goes on from it.
        is_published: the run's adapter or model is that of this step.
        kept_because: why it cannot be deleted now; empty where it can.
    """

    name: str
    step: int
    eval_loss: float | None
    bytes: int
    is_best: bool
    is_newest: bool
    is_published: bool
    kept_because: str


@dataclass(frozen=True)
class Space:
    """What the saved states of a run take, and what a clean-up would free, in bytes."""

    run_id: str
    name: str
    status: RunStatus
    count: int
    bytes: int
    freeable: int


def of_run(database: Database, files: Artifacts, owner: str, run_id: str) -> list[State]:
    """Return a run's saved states, newest first. Raises NotFound."""
    run = runs.get(database, owner, run_id)
    there, published = _by_step(files, run_id), _published(database, run)
    best = checkpoints.best_of(there)
    return [
        State(
            name=f"checkpoint:{run_id}:{one.step}",
            step=one.step,
            eval_loss=one.eval_loss,
            bytes=sum(same.bytes for same in _all_of(files, run_id) if same.step == one.step),
            is_best=one is best,
            is_newest=one is there[0],
            is_published=one.step == published,
            kept_because=_kept_because(run.status, one, there),
        )
        for one in there
    ]


def spaces(database: Database, files: Artifacts, owner: str) -> list[Space]:
    """Return what the saved states of a person's runs take, the largest first."""
    found = []
    for run in run_lists.saved(database, owner):
        there = _all_of(files, run.id)
        if there:
            freeable = sum(one.bytes for one in _superfluous(run.status, files, run.id))
            total = sum(one.bytes for one in there)
            count = len(_by_step(files, run.id))
            found.append(Space(run.id, run.name, run.status, count, total, freeable))
    return sorted(found, key=lambda space: space.bytes, reverse=True)


def delete(database: Database, files: Artifacts, owner: str, run_id: str, step: int) -> None:
    """Delete one saved state of a run.

    The write lock is held meanwhile, so that no worker takes up the run from it.

    Raises:
        NotFound: there is no such run of that owner, or no such state.
        StudioError: it is needed; says for what.
    """
    with database.write() as session:
        row = owned.one(session, RunRow, owner, run_id)
        there = _by_step(files, run_id)
        chosen = [one for one in there if one.step == step]
        if not chosen:
            raise NotFound(f"There is no saved state of step {step} any more.")
        reason = _kept_because(RunStatus(row.status), chosen[0], there)
        if reason:
            raise StudioError(f"The saved state of step {step} stays.", reason)
        _remove([one for one in _all_of(files, run_id) if one.step == step])
        _tell(session, row, [step])
        _note_newest(session, files, row)


def clean(database: Database, files: Artifacts, owner: str, run_ids: list[str]) -> int:
    """Delete what runs that have ended do not need; returns how many bytes that frees.

    The best state of each stays, and of one that can be resumed the newest. Runs under way, or
    waiting, are left alone.

    Raises:
        NotFound: one of them is not there.
    """
    freed = 0
    for run_id in run_ids:
        with database.write() as session:
            row = owned.one(session, RunRow, owner, run_id)
            going = _superfluous(RunStatus(row.status), files, run_id)
            freed += sum(one.bytes for one in going)
            _remove(going)
            _tell(session, row, [one.step for one in going])
            _note_newest(session, files, row)
    return freed


_ENDED = frozenset({RunStatus.FINISHED, RunStatus.DISCARDED, *RESUMABLE})


def _superfluous(status: RunStatus, files: Artifacts, run_id: str) -> list[Checkpoint]:
    """Return what a clean-up takes away."""
    if status not in _ENDED:
        return []
    there = _by_step(files, run_id)
    kept = [checkpoints.best_of(there), *(there[:1] if status in RESUMABLE else [])]
    return [one for one in _all_of(files, run_id) if one not in kept]


def _kept_because(status: RunStatus, one: Checkpoint, there: list[Checkpoint]) -> str:
    if status is RunStatus.DISCARDED:
        return ""
    if one is checkpoints.best_of(there):
        return "It is the best one: what you talk to and download comes from it."
    if one is there[0] and status not in _ENDED:
        return "The run goes on from it; stop the run first."
    return ""


def _all_of(files: Artifacts, run_id: str) -> list[Checkpoint]:
    return checkpoints.newest_first(files.run(run_id))


def _by_step(files: Artifacts, run_id: str) -> list[Checkpoint]:
    """Return one state a step, newest first: of two attempts at a step the later one's."""
    found: dict[int, Checkpoint] = {}
    for one in _all_of(files, run_id):
        found.setdefault(one.step, one)
    return list(found.values())


def _published(database: Database, run: Run) -> int | None:
    """Return the step of the run's adapter; None where there is none."""
    mine = [one for one in adapters.all_of(database, run.owner) if one.id == run.adapter_id]
    return mine[0].step if mine else None


def _remove(going: list[Checkpoint]) -> None:
    for one in going:
        with contextlib.suppress(FileNotFoundError):  # the run itself has just removed it
            artifacts.remove(one.folder)


def _tell(session: Session, row: RunRow, steps: list[int]) -> None:
    if steps:
        told = {"kind": "saved states", "name": row.name, "steps": steps}
        audit.note(session, row.owner, Action.DELETED, row.id, told)


def _note_newest(session: Session, files: Artifacts, row: RunRow) -> None:
    """Let the row of a run that nobody works on say from where it would go on."""
    if RunStatus(row.status) in _ENDED:
        there = _by_step(files, row.id)
        row.checkpoint_step = there[0].step if there else 0
        session.flush()
