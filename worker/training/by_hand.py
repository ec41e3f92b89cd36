"""Training one queued run from the command line, without a worker."""

import sys

from storage import attempts, settings
from storage.database import Database, opened
from storage.errors import StudioError
from storage.leases import worker_name
from storage.runs import Run
from storage.status import RunStatus
from worker.training import launch

_LEASE_SECONDS = 7 * 24 * 3600.0
"""Nobody beats the heart here; that this process is gone is seen at once all the same."""


def main(words: list[str]) -> int:
    """Train the run that `words` names; returns the exit code. No worker should be running.

    The run must be the next one in the queue: it is claimed as a worker would claim it, under an
    attempt of its own, so that it cannot be trained twice.
    """
    if len(words) != 1:
        sys.stderr.write("Usage: python -m worker.training.<recipe> RUN_ID\n")
        return 2
    try:
        outcome = _train(words[0])
    except StudioError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{outcome.words}\n")
    return 0


def _train(run_id: str) -> launch.Outcome:
    found = settings.load()
    database = opened(found)
    run = attempts.claim(database, worker_name(), _LEASE_SECONDS)
    if run is None or run.id != run_id:
        if run is not None:
            attempts.release(database, run.id, run.attempt)
        raise StudioError(
            f"{run_id} is not the next run in the queue.", "Resume it, or stop the ones before it."
        )
    attempts.begin(database, run.id, run.attempt)
    try:
        outcome = launch.train(found, run.id, run.attempt)
    except StudioError as error:
        attempts.end(database, run.id, run.attempt, RunStatus.FAILED, error.message, error.hint)
        raise
    _end(database, run, outcome)
    return outcome


def _end(database: Database, run: Run, outcome: launch.Outcome) -> None:
    if outcome.status is RunStatus.QUEUED:
        attempts.release(database, run.id, run.attempt)
    else:
        attempts.end(database, run.id, run.attempt, outcome.status, outcome.words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
