"""Tells a person who waits how far a pass is, a few times a second."""

import time
from collections.abc import Callable

Report = Callable[[float, str], None]
EVERY = 0.25  # seconds


class Progress:
    """A part of a longer work, from one share of it to another.

    Args:
        report: gets the share of the whole work done (0 to 1) and words; may raise to cancel.
        begin: share of the whole that is done before this part.
        end: share of the whole that is done after it.
    """

    def __init__(self, report: Report, begin: float = 0.0, end: float = 1.0) -> None:
        self._report = report
        self._begin = begin
        self._width = end - begin
        self._next = 0.0

    def tell(self, done: int, total: int, words: str) -> None:
        """Passes on that `done` of `total` steps are done, unless it has just said something."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            share = min(done / total, 1.0) if total else 0.0
            self._report(self._begin + self._width * share, words)
