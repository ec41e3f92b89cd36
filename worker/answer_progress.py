"""How far a model is that answers many questions, and how long the rest takes."""

import time
from dataclasses import dataclass, field

from worker.datasets.operations.stream import EVERY, Report


@dataclass
class AnswerProgress:
    """How far the answers are; the pace is that of this attempt.

    Attributes:
        total: answers that there will be.
        before: those that an earlier attempt has left.
        report: told the share done and the words; may raise to end the work.
        most: share of the work that is done with the last answer.
        tokens: written so far by this attempt.
    """

    total: int
    before: int
    report: Report
    most: float = 1.0
    tokens: int = 0
    _began: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    def tell(self, done: int) -> None:
        """Report, some times a second at most."""
        now = time.monotonic()
        if now - self._told < EVERY:
            return
        self._told = now
        words = f"{done:,} of {self.total:,} answers"
        self.report(self.most * done / self.total, words + self._left(done, now - self._began))

    def _left(self, done: int, seconds: float) -> str:
        if done <= self.before:
            return ""
        left = (self.total - done) * seconds / (done - self.before)
        return f", {self.tokens / seconds:,.0f} tokens a second, {_time(left)} left"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
