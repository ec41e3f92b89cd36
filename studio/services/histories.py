"""What happened to a run, in the order of time: its starts, its ends and its events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage import events
from storage import runs as stored
from storage.events import Event
from studio.services import runs
from studio.services.studio import Studio


@dataclass(frozen=True)
class Happening:
    """One thing that happened: when, a word for scripts, a sentence, and figures if any."""

    at: datetime
    kind: str
    words: str
    details: dict[str, Any] | None = None


def of_run(studio: Studio, owner: str, run_id: str) -> list[Happening]:
    """Return what happened to a run, oldest first. Raises NotFound."""
    runs.get(studio, owner, run_id)
    told = events.of(studio.database, run_id)
    found = [Happening(one.at, one.kind, one.words, one.details) for one in told]
    for attempt in stored.attempts(studio.database, run_id):
        found.append(Happening(attempt["started_at"], "began", _beginning(attempt)))
        if attempt["ended_at"] is not None and not _is_told(attempt, told):
            words = _sentence(attempt["outcome"] or "")
            found.append(Happening(attempt["ended_at"], "ended", words))
    return sorted(found, key=lambda one: one.at)


def _beginning(attempt: dict[str, Any]) -> str:
    if attempt["resumed_step"]:
        return f"It went on after step {attempt['resumed_step']}."
    return "It began." if attempt["attempt"] == 1 else "It began anew."


def _is_told(attempt: dict[str, Any], told: list[Event]) -> bool:
    """Tell whether an event of the same attempt says all that its outcome says."""
    outcome = attempt["outcome"] or ""
    mine = [event.words for event in told if event.attempt == attempt["attempt"]]
    return any(outcome and words.startswith(outcome) for words in mine)


def _sentence(words: str) -> str:
    whole = words if words.endswith((".", "!", "?")) else f"{words}."
    return f"{whole[:1].upper()}{whole[1:]}"
