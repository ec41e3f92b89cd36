"""Sweeps go on: the next trial enters the queue, a hopeless one is ended, the end is told.

All that is known stands in the database; whoever comes next goes on from there. Two workers at
once do no harm: a trial is added, pruned or ended under conditions that only one of them meets.
"""

import structlog
from sqlalchemy.exc import OperationalError

from storage import sweeps, trials
from storage.database import Database
from storage.errors import StudioError
from storage.sweeps import Sweep, SweepStatus
from storage.trials import Trial, TrialState

log = structlog.get_logger()

HOPELESS_TRIALS = 3
"""So many trials that fail, and none that does not, end a sweep: more would fail the same way."""


def advance(database: Database) -> None:
    """Let every sweep do what is due. Cheap where none goes on."""
    for sweep in sweeps.running(database):
        try:
            _advance(database, sweep)
        except StudioError as error:  # its data or base model was deleted
            _end(database, sweep, SweepStatus.STOPPED, str(error))
        except OperationalError:  # a busy database: the next round
            raise
        except Exception:  # a fault of one sweep must not hold up everybody's queue
            log.exception("sweep_failed", sweep=sweep.id)
            _end(database, sweep, SweepStatus.STOPPED, "It could not go on; the log says why.")


def _advance(database: Database, sweep: Sweep) -> None:
    done = trials.of(database, sweep.id)
    under_way = [trial for trial in done if trial.is_under_way]
    if under_way:
        for trial in under_way:
            _judge(database, sweep, done, trial)
    elif _is_hopeless(done):
        _end(database, sweep, SweepStatus.STOPPED, _failed(done))
    elif _last(done) >= sweep.trials:
        _end(database, sweep, SweepStatus.FINISHED, _told(done))
    else:
        _add(database, sweep, done)


def _add(database: Database, sweep: Sweep, done: list[Trial]) -> None:
    from worker import search  # noqa: PLC0415  (Optuna takes 40 MB: only where a sweep goes on)

    number = _last(done) + 1
    spec = search.spec_of(sweep, search.next_values(sweep, done), number)
    run = trials.add(database, sweep, number, spec)
    if run is not None:
        log.info("trial_added", sweep=sweep.id, trial=number, run=run.id)


def _judge(database: Database, sweep: Sweep, done: list[Trial], trial: Trial) -> None:
    """End a running trial that does worse than the others did at the same point."""
    if trial.state is not TrialState.RUNNING or not trial.exams or trial.run.stop_request:
        return
    if not any(other.state is TrialState.COMPLETE for other in done):
        return
    from worker import search  # noqa: PLC0415  (see above)

    found = search.verdict(sweep, done, trial)
    if found is None:
        return
    loss, usual = found
    words = (
        f"Ended early at step {trial.run.step}: its best exam so far ({loss:.4g}) is worse than "
        f"what half of the other trials had reached by then ({usual:.4g}). The time goes into "
        "more promising settings; Resume lets it go on all the same."
    )
    if trials.prune(database, trial.run.id, words, loss=loss, median=usual, sweep=sweep.id):
        log.info("trial_pruned", sweep=sweep.id, trial=trial.number, loss=loss, median=usual)


def _last(done: list[Trial]) -> int:
    """Return the number of the last trial; earlier ones may have been deleted for good."""
    return max((trial.number for trial in done), default=0)


def _is_hopeless(done: list[Trial]) -> bool:
    failed = [trial.state is TrialState.FAILED for trial in done]
    return len(failed) >= HOPELESS_TRIALS and all(failed)


def _failed(done: list[Trial]) -> str:
    why = next((trial.words for trial in reversed(done) if trial.words), "")
    return (
        f"The first {len(done)} trials failed, so no more were begun. {why} "
        "Correct what the page of the last one names, then go on."
    ).replace("  ", " ")


def _told(done: list[Trial]) -> str:
    complete = [trial for trial in done if trial.state is TrialState.COMPLETE]
    if not complete:
        return f"All {len(done)} trials have ended, but none came to its end with an exam."
    return f"All {len(done)} trials have ended."


def _end(database: Database, sweep: Sweep, status: SweepStatus, words: str) -> None:
    if sweeps.end(database, sweep.id, status, words):
        log.info("sweep_ended", sweep=sweep.id, status=status, words=words)
