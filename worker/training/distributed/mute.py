"""The reporter of all processes of a run but the first: what they know, that one tells."""

from typing import Any

from storage.metrics import Point
from worker.training.reporting import Reporter


class Mute(Reporter):
    """Takes points and columns, and tells nobody; nothing is ever asked of it."""

    def __init__(self) -> None:
        self.asked = None

    def report(self, points: list[Point], *, urgent: bool = False, **columns: Any) -> None:
        """Take points and columns."""

    def flush(self) -> None:
        """Return at once: nothing waits to be written."""

    def close(self) -> None:
        """Do nothing: there is no thread to end."""
