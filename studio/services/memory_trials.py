"""Trial steps: the worker finds out how much memory a run takes, before it is started."""

from collections.abc import Mapping
from typing import Any

from storage import analyses as kept
from storage.analyses import Kind
from storage.specs import RunSpec
from storage.status import WorkStatus
from studio.advice import memory
from studio.advice.known import Known
from studio.services import analyses
from studio.services.studio import Studio


def found(studio: Studio, owner: str, spec: RunSpec, known: Known) -> Mapping[str, Any] | None:
    """Return what a trial step of these settings found; None: there was none, or not yet."""
    question = memory.question(spec, known)
    if question is None:
        return None
    places = (known.data.id, Kind.MEMORY, question, known.model.id)
    told = kept.latest(studio.database, owner, *places)
    return told.result if told is not None and told.status is WorkStatus.READY else None


def ask(studio: Studio, owner: str, spec: RunSpec, known: Known) -> bool:
    """Ask for a trial step of these settings; tells whether an answer will come.

    Questions about earlier settings that nobody has begun to answer are taken back.

    Raises:
        StudioError: the data or the model is not ready.
    """
    question = memory.question(spec, known)
    if question is None:
        return False
    there = kept.latest(
        studio.database, owner, known.data.id, Kind.MEMORY, question, known.model.id
    )
    if there is not None and there.status is not WorkStatus.WAITING:
        return there.status is WorkStatus.WORKING
    if there is None:
        kept.withdraw(studio.database, owner, Kind.MEMORY)
        analyses.ask(studio, owner, known.data.id, Kind.MEMORY, question, known.model.id)
    return True
