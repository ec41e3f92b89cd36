"""What passes between a client and the engine: a question in, pieces of text and an ending out."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from storage.errors import StudioError
from worker.chat.catalogue import Contestant
from worker.chat.sampling import Sampling

Reason = Literal["stop", "length", "content_filter", "cancelled", "error"]


@dataclass(frozen=True)
class Usage:
    """What an answer took.

    Attributes:
        prompt_tokens: tokens read.
        completion_tokens: tokens written, the one that ended the answer among them.
        seconds_to_first: from the question's arrival to its first token; 0 when there was none.
        tokens_per_second: the pace of writing after the first token; 0 below two tokens.
        batch_rows: the most answers that were written together with this one, itself included.
        sure: mean log-probability (natural logarithm, so at most 0) of the tokens written, in the
            model's own distribution: before temperature, nucleus and penalties. Company in the
            batch may change its last digits. None where nothing was written, or nobody says.
        reused_tokens: tokens of the prompt that were not read again: an earlier question of the
            same contestant began with them.
    """

    prompt_tokens: int
    completion_tokens: int = 0
    seconds_to_first: float = 0.0
    tokens_per_second: float = 0.0
    batch_rows: int = 0
    sure: float | None = None
    reused_tokens: int = 0


@dataclass(frozen=True)
class Piece:
    """Some more text of the answer."""

    text: str


@dataclass(frozen=True)
class Ending:
    """The answer is over; nothing follows. `error` says why where the reason is "error"."""

    reason: Reason
    usage: Usage
    error: StudioError | None = None


Event = Piece | Ending
Deliver = Callable[[Event], None]


class ContextExceeded(StudioError):
    """The conversation and the answer asked for do not fit into the model's context."""


class NoRoom(StudioError):
    """A run needs the memory that this model would take."""


class Busy(StudioError):
    """More questions are waiting than the server takes."""


@dataclass
class Ticket:
    """A question on its way through the engine.

    Attributes:
        contestant: who is asked.
        prompt: the rendered conversation, as token ids of the base model's tokenizer.
        deliver: called on the engine's thread with every event; must not block.
        asked_at: time.monotonic() of its arrival, seconds.
        over: its Ending was delivered.
    """

    contestant: Contestant
    prompt: list[int]
    sampling: Sampling
    max_tokens: int
    deliver: Deliver
    asked_at: float
    over: bool = False
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ends the answer at the next token; harmless when it is over already. Any thread."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._cancelled.is_set()

    def finish(self, ending: Ending) -> None:
        """Delivers the ending, once."""
        if not self.over:
            self.over = True
            self.deliver(ending)

    def end(self, reason: Reason, error: StudioError | None = None) -> None:
        """Tells the asker that the question ended before a first token."""
        self.finish(Ending(reason, Usage(len(self.prompt)), error))
