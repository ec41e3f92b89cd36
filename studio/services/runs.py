"""Runs: start, stop, resume, duplicate, and read their curves and log."""

import codecs
import json
from dataclasses import dataclass
from typing import Any

from storage import (
    artifacts,
    checkpoints,
    curves,
    metrics,
    owned,
    queue_moves,
    run_requests,
    runs,
    specs,
)
from storage import ranks as kept_ranks
from storage.curves import Opening
from storage.errors import Fault, Refused, StudioError
from storage.metrics import News
from storage.run_requests import Request
from storage.runs import Run
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from storage.tables import RunRow
from studio.services import plans
from studio.services.studio import Studio

LOG_BYTES = 200_000
"""So much of the end of a log is shown at most."""

CLICKS = 10.0
"""Seconds within which a second click on Start means the run of the first one."""

FIRST_BATCH = "first_batch.json"
"""In a run's folder: what the trainer was given first."""

_INSIDE_A_CHARACTER = bytes(range(0x80, 0xC0))
"""Bytes of UTF-8 that begin no character."""


@dataclass(frozen=True)
class Log:
    """A piece of a run's log: the text, and the offset in bytes to go on from."""

    text: str
    offset: int


def start(
    studio: Studio,
    owner: str,
    values: dict[str, Any],
    *,
    key: str | None = None,
    moments: float = 0.0,
) -> Run:
    """Put a run into the queue.

    Args:
        studio: the studio.
        owner: whose.
        values: the settings.
        key: of the request; the same one again is given the same run.
        moments: so many seconds an equal run that has not ended counts as this one.

    Raises:
        Refused: with every fault at once, by field.
    """
    planned = plans.plan(studio, owner, values)
    if planned.faults:
        raise Refused(planned.faults)
    request = Request(key, moments, planned.seconds, planned.memory_bytes)
    run = run_requests.add(studio.database, owner, specs.parse(values), request)
    studio.doorbell.ring()
    return run


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[Run]:
    """Return a person's runs, newest first."""
    return runs.all_of(studio.database, owner, deleted=deleted)


def queue(studio: Studio, owner: str) -> list[Run]:
    """Return the runs that wait, in the order in which they will start."""
    return queue_moves.line(studio.database, owner)


def get(studio: Studio, owner: str, run_id: str) -> Run:
    """Return one run. Raises NotFound."""
    return runs.get(studio.database, owner, run_id)


def stop(studio: Studio, owner: str, run_id: str) -> Run:
    """Stop a run and keep what it learned; it can be resumed. Raises NotFound, StudioError."""
    return runs.request_stop(studio.database, owner, run_id, StopRequest.KEEP)


def discard(studio: Studio, owner: str, run_id: str) -> Run:
    """Stop a run and throw away what it learned. Raises NotFound, StudioError."""
    run = runs.request_stop(studio.database, owner, run_id, StopRequest.DISCARD)
    if run.status is RunStatus.DISCARDED:  # of one under way its own process removes what it saved
        artifacts.remove(checkpoints.folder_of(studio.artifacts.run(run_id)))
    return run


def resume(studio: Studio, owner: str, run_id: str) -> Run:
    """Let a stopped or failed run go on from its last checkpoint. Raises NotFound, StudioError."""
    run = runs.resume(studio.database, owner, run_id)
    studio.doorbell.ring()
    return run


def extend(
    studio: Studio,
    owner: str,
    run_id: str,
    *,
    epochs: float | None = None,
    max_steps: int | None = None,
) -> Run:
    """Let a finished run train longer, in all so many readings of the data, or steps.

    Raises:
        NotFound: there is no such run of that owner.
        Refused: it is no longer course, or both or none of them are given.
        StudioError: the run has not finished, or nothing is left to go on from.
    """
    if (epochs is None) is (max_steps is None):
        raise Refused([Fault("epochs", "Say how many readings of the data, or how many steps.")])
    get(studio, owner, run_id)
    if not checkpoints.newest_first(studio.artifacts.run(run_id)):
        raise StudioError(
            "The saved states of this run were deleted; there is nothing to go on from.",
            "Start a new run that goes on from its add-on.",
        )
    run = runs.extend(studio.database, owner, run_id, epochs=epochs, max_steps=max_steps)
    studio.doorbell.ring()
    return run


def duplicate(studio: Studio, owner: str, run_id: str) -> RunSpec:
    """Return a run's settings under a new name, ready for the form. Raises NotFound."""
    spec = get(studio, owner, run_id).spec
    return spec.model_copy(update={"name": f"Copy of {spec.name}"[:120]})


def delete(studio: Studio, owner: str, run_id: str) -> None:
    """Delete a run from view; `restore` brings it back. Raises NotFound.

    One that waits or is under way is stopped first, and keeps what it has learned.
    """
    run = get(studio, owner, run_id)
    if run.is_active or run.status is RunStatus.QUEUED:
        stop(studio, owner, run_id)
    owned.mark_deleted(studio.database, RunRow, owner, run_id, deleted=True)


def restore(studio: Studio, owner: str, run_id: str) -> None:
    """Bring a deleted run back. Raises NotFound."""
    owned.mark_deleted(studio.database, RunRow, owner, run_id, deleted=False)


def attempts(studio: Studio, owner: str, run_id: str) -> list[dict[str, Any]]:
    """Return a run's attempts in order. Raises NotFound."""
    get(studio, owner, run_id)
    return runs.attempts(studio.database, run_id)


def news(studio: Studio, owner: str, run_id: str, cursor: str | None) -> News:
    """Return the points of a run's curves that are new after a cursor. Raises NotFound."""
    get(studio, owner, run_id)
    return metrics.after(studio.database, run_id, cursor)


def opening(studio: Studio, owner: str, run_id: str) -> Opening:
    """Return a run's whole curves, at most 1,000 points each, and the cursor to go on from."""
    get(studio, owner, run_id)
    return curves.opening(studio.database, run_id)


def ranks(studio: Studio, owner: str, run_id: str) -> dict[str, Any]:
    """Return how many directions each layer of a run had, see `storage.ranks`. Raises NotFound."""
    get(studio, owner, run_id)
    return kept_ranks.read(studio.artifacts.run(run_id))


def first_batch(studio: Studio, owner: str, run_id: str) -> dict[str, Any]:
    """Return the first batch that a run's trainer was given, token by token.

    Raises:
        NotFound: there is no such run of that owner.
        StudioError: it has not fetched its first batch yet.
    """
    run = get(studio, owner, run_id)
    path = studio.artifacts.run(run_id) / FIRST_BATCH
    if not path.is_file():
        raise StudioError(
            f"The first batch of {run.name} is not there yet.",
            "It is written down when the training begins.",
        )
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def log(studio: Studio, owner: str, run_id: str, offset: int | None = None) -> Log:
    """Return a run's log from a byte offset on; without one, its end. Raises NotFound.

    Characters stay whole: one that is cut, or half written yet, comes with the next piece.
    """
    get(studio, owner, run_id)
    path = studio.artifacts.log_file(run_id)
    if not path.is_file():
        return Log("", 0)
    with path.open("rb") as file:
        size = file.seek(0, 2)
        start = max(0, size - LOG_BYTES) if offset is None else min(max(0, offset), size)
        file.seek(start)
        found = file.read(LOG_BYTES)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(found.lstrip(_INSIDE_A_CHARACTER) if offset is None and start else found)
    half, _ = decoder.getstate()
    return Log(text, start + len(found) - len(half))
