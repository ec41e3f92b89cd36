"""Attempts at runs: what a worker does under a lease, and how a lost one is taken back."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from storage import events, leases, queue, run_moves, shrinking
from storage.database import Database
from storage.runs import Run
from storage.specs import RunSpec
from storage.status import ACTIVE, RunStatus, StopRequest
from storage.tables import AttemptRow, RunRow, now

MOST_CRASHES = 3
"""So often is a run taken up again that dies without having saved anything new."""


def claim(
    database: Database, worker: str, seconds: float, devices: Sequence[str] = ()
) -> Run | None:
    """Open an attempt at the next run whose data and base model are ready; None where none is.

    Args:
        database: the application's.
        worker: who claims.
        seconds: how long the lease is.
        devices: of the worker's machine, of which a run holds as many as it has processes; none:
            they are not counted.
    """
    with database.write() as session:
        chosen = queue.next_one(session, worker, devices)
        if chosen is None:
            return None
        run_id, device = chosen
        moves = (RunStatus.QUEUED, RunStatus.STARTING)
        row = leases.take(session, RunRow, RunRow.id == run_id, moves)
        if row is None:
            return None
        row.worker, row.lease_until, row.device = worker, leases.until(seconds), device
        row.stage, row.started_at = "starting", row.started_at or now()
        session.add(AttemptRow(run_id=row.id, attempt=row.attempt, worker=worker))
        queue.wait_no_more(session, row)
        return Run.model_validate(row)


def anything_ready(database: Database) -> bool:
    """Tell whether a queued run could start now."""
    with database.read() as session:
        return session.scalars(queue.ready().limit(1)).first() is not None


def begin(database: Database, run_id: str, attempt: int) -> None:
    """Note that the child is training. Raises Superseded."""
    with database.write() as session:
        run_moves.move(leases.guard(session, RunRow, run_id, attempt), RunStatus.RUNNING)


def heartbeat(database: Database, run_id: str, attempt: int, seconds: float) -> StopRequest | None:
    """Extend the lease; returns what a person has asked of the run. Raises Superseded."""
    with database.write() as session:
        row = leases.extend(session, RunRow, run_id, attempt, leases.until(seconds))
        return StopRequest(row.stop_request) if row.stop_request else None


def end(
    database: Database, run_id: str, attempt: int, status: RunStatus, outcome: str, hint: str = ""
) -> Run:
    """End an attempt as FINISHED, STOPPED, FAILED or DISCARDED. Raises Superseded."""
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        row.error, row.hint = (outcome, hint) if status is RunStatus.FAILED else (None, None)
        run_moves.end(session, row, status, outcome)
        return Run.model_validate(row)


def pause(database: Database, run_id: str, attempt: int, reason: str, hint: str) -> Run:
    """Stop a run that lacks something a person can provide; it can be resumed. Raises Superseded.

    What a person has asked meanwhile comes first.
    """
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        asked = run_moves.asked(row)
        if asked is None:
            row.error, row.hint = reason, hint
        run_moves.end(session, row, asked or RunStatus.STOPPED, reason)
        return Run.model_validate(row)


def put_back(database: Database, run_id: str, attempt: int, reason: str) -> Run:
    """Put a run back into the queue whose child has died. Raises Superseded."""
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        _put_back(session, row, reason)
        return Run.model_validate(row)


def pulse(database: Database, run_id: str) -> tuple[str, int]:
    """Return what changes while a run gets on: its stage and its step."""
    with database.read() as session:
        row = session.get_one(RunRow, run_id)
        return row.stage, row.step


def stood_still(database: Database, run_id: str, attempt: int, words: str, file: str) -> Run:
    """Put a run back that got on no more; fail it where the attempt before had ended the same way.

    Args:
        database: the application's.
        run_id: the run.
        attempt: the one that was ended.
        words: what happened, for the person.
        file: where it is kept what the process was doing.

    Raises:
        Superseded: a newer attempt has taken over.
    """
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        before = session.get(AttemptRow, (run_id, attempt - 1))
        asked, again = run_moves.asked(row), before is not None and before.outcome == STOOD_STILL
        events.note(session, row, STOOD_STILL, f"{words} {'' if again else GOES_ON}".strip())
        if again and asked is None:
            row.error = f"{words} The attempt before had stood still as well."
            row.hint = f"What it was doing is kept in {file}. Look at the log, then resume."
        target = RunStatus.FAILED if again else RunStatus.QUEUED
        run_moves.end(session, row, asked or target, STOOD_STILL)
        return Run.model_validate(row)


STOOD_STILL = "stood still"
"""Outcome of such an attempt, and kind of the event that tells of it."""

GOES_ON = "It was ended, and goes on from its last saved state."


def out_of_memory(database: Database, run_id: str, attempt: int, reason: str) -> Run:
    """Put a run back that ran out of memory, with half the batch; fail it where that cannot be.

    What a person has asked meanwhile comes first. Raises Superseded.
    """
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        asked, spec = run_moves.asked(row), RunSpec.model_validate(row.spec)
        obstacle = shrinking.obstacle(spec, row.halvings)
        if asked is not None:
            run_moves.end(session, row, asked, reason)
        elif obstacle:
            row.error, row.hint = reason, f"{obstacle} {shrinking.LESS_MEMORY}"
            run_moves.end(session, row, RunStatus.FAILED, reason)
        else:
            _halve(session, row, spec, reason)
        return Run.model_validate(row)


def release(database: Database, run_id: str, attempt: int) -> None:
    """Let a run go in an orderly shutdown, which is no crash: back, or ended as a person asked."""
    with database.write() as session:
        row = leases.guard(session, RunRow, run_id, attempt)
        run_moves.end(
            session, row, run_moves.asked(row) or RunStatus.QUEUED, "the worker was shut down"
        )


def recover(database: Database, heard: leases.Heard) -> list[str]:
    """Put runs back into the queue whose worker is dead, or silent; returns their ids."""
    with database.write() as session:
        rows = leases.orphans(session, RunRow, ACTIVE, heard)
        for row in rows:
            _put_back(session, row, "the worker process ended")
        return [row.id for row in rows]


def fail_hopeless(database: Database) -> list[str]:
    """Fail queued runs whose data or base model could not be prepared, or was deleted."""
    with database.write() as session:
        rows = session.scalars(queue.hopeless()).all()
        for row in rows:
            row.error = "The data or the base model of this run could not be prepared."
            row.hint = "Look at the Data and Models pages, then duplicate the run."
            run_moves.end(session, row, RunStatus.FAILED, "not prepared")
        return [row.id for row in rows]


def _put_back(session: Session, row: RunRow, reason: str) -> None:
    row.crashes = 0 if _got_further(session, row) else row.crashes + 1
    asked = run_moves.asked(row)
    if asked is not None:
        run_moves.end(session, row, asked, reason)
    elif row.crashes < MOST_CRASHES:
        run_moves.end(session, row, RunStatus.QUEUED, reason)
    else:
        row.error = f"The training process ended {row.crashes} times without getting any further."
        row.hint = f"Last time: {reason}. Look at the log; a smaller batch or length often helps."
        run_moves.end(session, row, RunStatus.FAILED, reason)


def _halve(session: Session, row: RunRow, spec: RunSpec, reason: str) -> None:
    before, after = (shrinking.shrunk(spec, row.halvings + more) for more in (0, 1))
    row.halvings += 1
    row.crashes = 0
    details = {"batch_size": after.batch_size, "accumulation": after.accumulation}
    words = (
        f"{reason} It goes on from step {row.checkpoint_step} and reads {after.batch_size} instead "
        f"of {before.batch_size} at once, {after.accumulation} instead of {before.accumulation} "
        "times before each correction: what it learns stays the same."
    )
    events.note(session, row, "out_of_memory", words, **details, halvings=row.halvings)
    run_moves.end(session, row, RunStatus.QUEUED, reason)


def _got_further(session: Session, row: RunRow) -> bool:
    """Tell whether the attempt has saved a step beyond the one it went on from."""
    began = session.get_one(AttemptRow, (row.id, row.attempt)).resumed_step
    return began is not None and row.checkpoint_step > began
