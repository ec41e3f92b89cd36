"""A model that answers many questions one after the other, several at once, without a server."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch

from storage.errors import StudioError
from worker.chat import adapters, base
from worker.chat.base import context_length
from worker.chat.batch import Batch
from worker.chat.catalogue import Contestant
from worker.chat.exchange import Ending, Event, Piece, Ticket
from worker.chat.prompts import Prompts, TemplateFailed
from worker.chat.sampling import Sampling

Ended = Literal["stop", "length", "too_long", "refused"]

_AT_ONCE_ON_A_CARD = 64
_AT_ONCE = 16
_IN_VIEW = 16
"""So many times what is answered at once is sorted by length: neighbours need little padding."""

_READ_BYTES = 100_000_000
"""Memory for what was read: instructions that stand above all questions are read once."""


@dataclass(frozen=True)
class Question:
    """A conversation that waits for its answer. `number` is the asker's, and sets the chance."""

    number: int
    turns: list[dict[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came of a question.

    Attributes:
        number: the question's.
        text: without spaces around; empty where it was not answered.
        ended: stop: complete; length: cut off; too_long, refused: never asked.
        tokens: written.
        sure: the mean log-probability of its tokens, as `exchange.Usage` says.
    """

    number: int
    text: str
    ended: Ended
    tokens: int = 0
    sure: float | None = None


class Author:
    """One model with all it needs to answer; loaded at once.

    Args:
        contestant: the base model, alone or with an adapter.
        sampling: how words are chosen; each question has its seed, plus the question's number.
        longest: of an answer, in tokens.

    Raises:
        StudioError: the model or its adapter cannot be loaded.
    """

    def __init__(self, contestant: Contestant, sampling: Sampling, longest: int) -> None:
        self._contestant, self._sampling, self._longest = contestant, sampling, longest
        self._at_once = _AT_ONCE_ON_A_CARD if torch.cuda.is_available() else _AT_ONCE
        self._prompts = Prompts()
        loaded = base.load(contestant.base_folder)
        folder = contestant.adapter_folder
        self._adapter = None if folder is None else adapters.load(folder, loaded.model)
        self._batch = Batch(loaded, _READ_BYTES)
        self._done: deque[Answer] = deque()
        self.reasons: list[str] = []
        """Why questions were refused, the first few."""

    def __enter__(self) -> "Author":
        return self

    def __exit__(self, *_: object) -> None:
        self._prompts.close()

    def answer(
        self, questions: Iterable[Question], meanwhile: Callable[[], None]
    ) -> Iterator[Answer]:
        """Yield the answers as they are finished, in an order of their own.

        Args:
            questions: read as they are needed.
            meanwhile: called after each token; may raise to end the work.

        Raises:
            StudioError: the model computes values that are not numbers.
        """
        source, more = iter(questions), True
        waiting: deque[Ticket] = deque()
        while more or self._batch.unfinished:
            waiting = waiting or self._asked(source)
            more = bool(waiting)
            self._advance(waiting)
            meanwhile()
            yield from self._taken()

    @torch.inference_mode()
    def _advance(self, waiting: deque[Ticket]) -> None:
        """Read questions where there is room, and write one more token of every answer."""
        room = 0 if self._batch.aside else min(self._at_once - len(self._batch.rows), len(waiting))
        rows = [self._batch.row(waiting.popleft(), self._adapter) for _ in range(room)]
        if rows:
            self._batch.admit(rows)
        if self._batch.unfinished:
            self._batch.step()

    def _taken(self) -> Iterator[Answer]:
        while self._done:
            yield self._done.popleft()

    def _asked(self, source: Iterator[Question]) -> deque[Ticket]:
        """The next questions, the longest first; empty only where there are no more."""
        tickets: list[Ticket] = []
        for question in source:
            ticket = self._ticket(question)
            if ticket is not None:
                tickets.append(ticket)
            if len(tickets) == self._at_once * _IN_VIEW:
                break
        return deque(sorted(tickets, key=lambda ticket: -len(ticket.prompt)))

    def _ticket(self, question: Question) -> Ticket | None:
        try:
            prompt = self._prompts.render(self._contestant, question.turns).tokens
        except TemplateFailed as error:
            self.reasons = [*self.reasons, error.message][:3]
            self._done.append(Answer(question.number, "", "refused"))
            return None
        if not prompt or len(prompt) + self._longest > context_length(self._contestant.base_folder):
            self._done.append(Answer(question.number, "", "too_long"))
            return None
        seed = (self._sampling.seed or 0) + question.number
        sampling = self._sampling.model_copy(update={"seed": seed})
        heard = _Heard(question.number, self._done)
        return Ticket(self._contestant, prompt, sampling, self._longest, heard, time.monotonic())


class _Heard:
    """Collects the pieces of one answer until its ending."""

    def __init__(self, number: int, done: deque[Answer]) -> None:
        self._number, self._done = number, done
        self._pieces: list[str] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, Piece):
            self._pieces.append(event.text)
        else:
            self._done.append(self._ended(event))

    def _ended(self, ending: Ending) -> Answer:
        if ending.reason not in ("stop", "length"):
            raise ending.error or StudioError("The model could not answer.")
        text = "".join(self._pieces).strip()
        cut: Any = "length" if ending.reason == "length" else "stop"
        usage = ending.usage
        return Answer(self._number, text, cut, usage.completion_tokens, usage.sure)
