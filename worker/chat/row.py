"""One answer in a batch: what was read and written, and what its asker is told."""

import time
from dataclasses import dataclass, field

from storage.errors import StudioError
from worker.chat.adapters import Adapter
from worker.chat.exchange import Ending, Piece, Reason, Ticket, Usage
from worker.chat.sampling import Sampler
from worker.chat.text import AnswerText


@dataclass(eq=False)
class Row:
    """One answer in the batch; `said`: the tokens written so far.

    `reused`: tokens of the prompt that were known from before, as read the last time.
    """

    ticket: Ticket
    adapter: Adapter | None
    sampler: Sampler
    text: AnswerText
    said: list[int] = field(default_factory=list)
    first_at: float = 0.0
    last_at: float = 0.0
    company: int = 1
    log_chance: float = 0.0
    reused: int = 0

    @property
    def tokens(self) -> list[int]:
        """All that was read and written."""
        return self.ticket.prompt + self.said

    def take(self, token: int, log_chance: float, ends: frozenset[int]) -> Reason | None:
        """Adds a token, tells the asker, and returns the reason when it was the last one.

        `log_chance`: the natural logarithm of the probability that the model itself gave it.
        """
        self.said.append(token)
        self.log_chance += log_chance
        self.last_at = time.monotonic()
        self.first_at = self.first_at or self.last_at
        if token in ends:
            return "stop"
        piece = self.text.feed(token)
        if piece:
            self.ticket.deliver(Piece(piece))
        if self.text.stopped:
            return "stop"
        return "length" if len(self.said) >= self.ticket.max_tokens else None

    def end(self, reason: Reason, error: StudioError | None = None) -> None:
        """Tells the asker that the answer is over, after the text that was held back."""
        rest = self.text.finish() if reason in ("stop", "length") else ""
        if rest:
            self.ticket.deliver(Piece(rest))
        self.ticket.finish(Ending(reason, self._usage(), error))

    def _usage(self) -> Usage:
        writing = self.last_at - self.first_at
        written = len(self.said)
        return Usage(
            prompt_tokens=len(self.ticket.prompt),
            completion_tokens=written,
            seconds_to_first=self.first_at - self.ticket.asked_at if written else 0.0,
            tokens_per_second=(written - 1) / writing if writing > 0 else 0.0,
            batch_rows=self.company,
            sure=self.log_chance / written if written else None,
            reused_tokens=self.reused,
        )
