"""Why a run should stop before its end: a person asked, or the worker shuts down."""

import signal
from collections.abc import Callable
from enum import StrEnum

from storage.status import StopRequest
from worker.training.distributed import together


class Stop(StrEnum):
    """Reasons to stop."""

    KEEP = "keep"
    DISCARD = "discard"
    SHUTDOWN = "shutdown"


class Interrupted(Exception):
    """Somebody asked to stop before the first step: there is nothing to save."""


class Stops:
    """Knows whether the run should stop.

    Args:
        asked: returns what a person has asked of the run, as last heard.
    """

    def __init__(self, asked: Callable[[], StopRequest | None]) -> None:
        self._asked = asked
        self._shutdown = False

    def listen(self) -> None:
        """Take SIGTERM as the request to save and end; only the main thread can."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def wanted(self) -> Stop | None:
        """Return why to stop now; None: go on. A person's wish comes before a shutdown."""
        asked = self._asked()
        if asked is not None:
            return Stop(asked.value)
        return Stop.SHUTDOWN if self._shutdown else None

    def agreed(self) -> Stop | None:
        """Return why all processes of the run stop now; each must ask at the same step."""
        wanted = self.wanted()
        number = together.agreed(-1 if wanted is None else list(Stop).index(wanted))
        return None if number < 0 else list(Stop)[number]

    def check(self) -> None:
        """Raise Interrupted where somebody asked to stop."""
        if self.wanted() is not None:
            raise Interrupted

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._shutdown = True
