"""The engine: one thread that writes all answers, token by token, over one resident base model."""

import gc
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import structlog
import torch

from storage.errors import StudioError
from worker.chat import adapters, base, refusals
from worker.chat.adapter_files import WEIGHTS_NAME
from worker.chat.adapters import Adapter
from worker.chat.base import context_length
from worker.chat.batch import Batch
from worker.chat.catalogue import Contestant
from worker.chat.exchange import Busy, Deliver, Ending, Event, Piece, Ticket
from worker.chat.room import Alone, Room
from worker.chat.sampling import Sampling

log = structlog.get_logger()

DEFAULT_MAX_TOKENS: Final = 1024

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks whether an idle model should give way."""


@dataclass(frozen=True)
class Limits:
    """How much the engine takes on.

    Attributes:
        gather_seconds: questions that arrive within this time are read together.
        rows: answers written at once.
        waiting: questions that may wait beyond those.
        adapter_bytes: memory for adapters; the least recently used make room.
        read_bytes: memory for what was read, for questions that begin as earlier ones; as above.
        idle_seconds: after so long without a question the model is let go.
    """

    gather_seconds: float = 0.02
    rows: int = 16
    waiting: int = 64
    adapter_bytes: int = 2_000_000_000
    read_bytes: int = 400_000_000
    idle_seconds: float = 600.0


class Engine:
    """Takes questions from any thread and answers those for the same base model in one batch.

    Questions are answered in the order they come. One for the resident base joins the running
    batch between two tokens; one for another base waits until the batch is done, and those behind
    it wait too, so that nobody is overtaken for ever.
    """

    def __init__(self, limits: Limits | None = None, room: Room | None = None) -> None:
        """Starts the engine's thread; no model is loaded before the first question."""
        self._limits = limits or Limits()
        self._room = room or Alone()
        self._waiting: deque[Ticket] = deque()
        self._bell = threading.Condition()
        self._closing = False
        self._batch: Batch | None = None
        self._stands_on: tuple[Path, Path | None] | None = None
        self._arriving: list[Ticket] = []
        self._shelf: OrderedDict[tuple[Path, int, int], Adapter] = OrderedDict()
        self._thread = threading.Thread(target=self._run, name="chat-engine", daemon=True)
        self._thread.start()

    @property
    def resident(self) -> Path | None:
        """The folder of the base model in memory."""
        batch = self._batch
        return None if batch is None else batch.base.folder

    @property
    def running(self) -> int:
        """How many answers are being written."""
        batch = self._batch
        return 0 if batch is None else batch.unfinished

    @property
    def shelved(self) -> list[Path]:
        """The folders of the adapters in memory, the least recently used first."""
        return [folder for folder, _, _ in self._shelf]

    def ask(
        self, contestant: Contestant, prompt: list[int], sampling: Sampling, deliver: Deliver
    ) -> Ticket:
        """Queues a question; `deliver` gets pieces of text and at last one Ending.

        Raises:
            ContextExceeded: prompt and answer do not fit into the model's context.
            Busy: too many questions wait already.
        """
        room = context_length(contestant.base_folder) - len(prompt)
        wanted = sampling.max_tokens or min(DEFAULT_MAX_TOKENS, max(room, 1))
        if not prompt:
            raise StudioError("There is nothing to answer: the conversation is empty.")
        if wanted > room:
            raise refusals.too_long(contestant, len(prompt), wanted)
        ticket = Ticket(contestant, prompt, sampling, wanted, deliver, time.monotonic())
        with self._bell:
            if self._closing or len(self._waiting) >= self._limits.waiting:
                raise Busy("Too many questions are waiting.", "Try again in a moment.")
            self._waiting.append(ticket)
            self._bell.notify()
        return ticket

    def answer(
        self, contestant: Contestant, prompt: list[int], sampling: Sampling
    ) -> Iterator[Event]:
        """Asks and yields the events as they come; leaving early cancels the question."""
        events: SimpleQueue[Event] = SimpleQueue()
        ticket = self.ask(contestant, prompt, sampling, events.put)
        try:
            while not isinstance(event := events.get(), Ending):
                yield event
            yield event
        finally:
            ticket.cancel()

    def close(self) -> None:
        """Cancels everything and ends the thread."""
        with self._bell:
            self._closing = True
            self._bell.notify()
        self._thread.join()

    def _run(self) -> None:
        with torch.inference_mode():
            while not self._closing:
                self._turn()
        self._cancel_all()

    def _turn(self) -> None:
        """One round: forget the cancelled, take in who waits, write one token of every answer."""
        try:
            self._forget_cancelled()
            if not self.running:
                self._rest()
            self._take_in()
            if self._batch is not None and self.running:
                self._batch.step()
        except Exception as error:  # the engine's door: a bug ends the batch, not the server
            log.exception("batch_failed")
            self._fail(error)

    def _forget_cancelled(self) -> None:
        with self._bell:
            gone = [ticket for ticket in self._waiting if ticket.cancelled]
            for ticket in gone:
                self._waiting.remove(ticket)
        for ticket in gone:
            ticket.end("cancelled")
        if self._batch is not None:
            self._batch.drop_cancelled()

    def _rest(self) -> None:
        """Sleeps until somebody asks, and then until those who ask at the same time are here."""
        since = time.monotonic()
        while not self._is_asked(within=None if self._batch is None else _LOOK_EVERY):
            if self._room.is_short() or time.monotonic() - since > self._limits.idle_seconds:
                log.info("chat_gives_way", idle_seconds=round(time.monotonic() - since))
                self._unload()
        with self._bell:
            if self._waiting:
                passed = time.monotonic() - self._waiting[0].asked_at
                self._bell.wait_for(
                    lambda: self._closing, timeout=max(0.0, self._limits.gather_seconds - passed)
                )

    def _is_asked(self, within: float | None) -> bool:
        """Waits for a question, or the end; False where neither has come in time."""
        with self._bell:
            return bool(self._bell.wait_for(lambda: self._waiting or self._closing, within))

    def _take_in(self) -> None:
        """Reads the prompts at the head of the queue that can join the batch."""
        self._arriving = self._next()
        if self._arriving and not self.running and self._room.is_short():
            self._unload()
        rows = []
        for ticket in self._arriving:
            try:
                batch = self._open(ticket.contestant)
                rows.append(batch.row(ticket, self._adapter(ticket.contestant, batch)))
            except StudioError as error:
                ticket.end("error", error)
        if rows:
            batch.admit(rows)

    def _next(self) -> list[Ticket]:
        with self._bell:
            if not self._waiting or self._closing:
                return []
            waited = time.monotonic() - self._waiting[0].asked_at
            running = self.running
            stands_on = self._stands_on if running else _needs(self._waiting[0].contestant)
            if waited < self._limits.gather_seconds:
                return []
            if running and self._room.is_short():  # these end, no more are begun beside a run
                return []
            if self._batch is not None and self._batch.aside:  # first come those set aside
                return []
            tickets: list[Ticket] = []
            while (
                self._waiting
                and _needs(self._waiting[0].contestant) == stands_on
                and running + len(tickets) < self._limits.rows
            ):
                tickets.append(self._waiting.popleft())
            return tickets

    def _open(self, contestant: Contestant) -> Batch:
        """The batch over what the contestant needs, which replaces another that is resident."""
        needed = _needs(contestant)
        if self._batch is None or self._stands_on != needed:
            self._unload()
            self._room.require(contestant)
            self._batch = Batch(base.load(*needed), self._limits.read_bytes)
            self._stands_on = needed
        return self._batch

    def _unload(self) -> None:
        self._batch = None
        self._shelf.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _adapter(self, contestant: Contestant, batch: Batch) -> Adapter | None:
        """The contestant's adapter from the shelf, read again when its file has changed."""
        folder = contestant.adapter_folder
        if folder is None or contestant.words_folder is not None:
            return None  # the base alone, or one that has the adapter in it
        key = _version(folder)
        if key not in self._shelf:
            self._shelf[key] = adapters.load(folder, batch.base.model)
        self._shelf.move_to_end(key)
        while self._shelf_bytes > self._limits.adapter_bytes and len(self._shelf) > 1:
            self._shelf.popitem(last=False)
        return self._shelf[key]

    @property
    def _shelf_bytes(self) -> int:
        return sum(adapter.bytes for adapter in self._shelf.values())

    def _fail(self, cause: Exception) -> None:
        error = refusals.in_words(cause)
        if self._batch is not None:
            self._batch.end("error", error)
        for ticket in self._arriving:
            ticket.end("error", error)
        self._unload()

    def _cancel_all(self) -> None:
        for ticket in self._waiting:
            ticket.end("cancelled")
        if self._batch is not None:
            self._batch.end("cancelled")


def text_of(events: Iterator[Event]) -> str:
    """The whole answer; raises the error it ended with."""
    pieces = []
    for event in events:
        if isinstance(event, Piece):
            pieces.append(event.text)
        elif event.error is not None:
            raise event.error
    return "".join(pieces)


def _needs(contestant: Contestant) -> tuple[Path, Path | None]:
    """What must be loaded for it: the base model, and an adapter that cannot share it."""
    return contestant.base_folder, contestant.words_folder


def _version(folder: Path) -> tuple[Path, int, int]:
    try:
        stat = (folder / WEIGHTS_NAME).stat()
    except FileNotFoundError:
        return folder, 0, 0
    return folder, stat.st_mtime_ns, stat.st_size
