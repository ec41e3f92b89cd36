"""The states of runs and of background work, and the only moves between them."""

from enum import StrEnum


class RunStatus(StrEnum):
    """Where a run stands; QUEUED until a worker claims it."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    DISCARDED = "discarded"


class WorkStatus(StrEnum):
    """Where a dataset, a base model or an analysis stands while the worker prepares it.

    UNSURE: the worker has a question, and goes on once the person has answered it.
    """

    WAITING = "waiting"
    WORKING = "working"
    UNSURE = "unsure"
    READY = "ready"
    FAILED = "failed"


class StopRequest(StrEnum):
    """What a person asked of a run that is under way."""

    KEEP = "keep"
    DISCARD = "discard"


RUN_MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset(
        {RunStatus.STARTING, RunStatus.STOPPED, RunStatus.FAILED, RunStatus.DISCARDED}
    ),
    RunStatus.STARTING: frozenset(
        {
            RunStatus.RUNNING,
            RunStatus.QUEUED,
            RunStatus.STOPPED,
            RunStatus.FAILED,
            RunStatus.DISCARDED,
        }
    ),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.QUEUED,
            RunStatus.FINISHED,
            RunStatus.STOPPED,
            RunStatus.FAILED,
            RunStatus.DISCARDED,
        }
    ),
    RunStatus.STOPPED: frozenset({RunStatus.QUEUED, RunStatus.DISCARDED}),
    RunStatus.FAILED: frozenset({RunStatus.QUEUED, RunStatus.DISCARDED}),
    RunStatus.FINISHED: frozenset({RunStatus.QUEUED}),
    RunStatus.DISCARDED: frozenset(),
}

WORK_MOVES: dict[WorkStatus, frozenset[WorkStatus]] = {
    WorkStatus.WAITING: frozenset({WorkStatus.WORKING, WorkStatus.FAILED}),
    WorkStatus.WORKING: frozenset(
        {WorkStatus.WAITING, WorkStatus.UNSURE, WorkStatus.READY, WorkStatus.FAILED}
    ),
    WorkStatus.UNSURE: frozenset({WorkStatus.WAITING}),
    WorkStatus.FAILED: frozenset({WorkStatus.WAITING}),
    WorkStatus.READY: frozenset(),
}

ACTIVE = frozenset({RunStatus.STARTING, RunStatus.RUNNING})
"""A worker holds these under a lease."""

FINAL = frozenset(status for status, moves in RUN_MOVES.items() if not moves)
"""Nothing moves a run out of these."""

RESUMABLE = frozenset({RunStatus.STOPPED, RunStatus.FAILED})
"""A person may put these back into the queue."""
