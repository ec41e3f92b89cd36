"""Answers while they are written, wherever that is: by the engine, from the cache, elsewhere."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from worker.chat import protocol
from worker.chat.exchange import Deliver, Ending, Event, Ticket
from worker.chat.protocol import ChatRequest, Fault


class Answer(Protocol):
    """One answer to a request.

    Attributes:
        facts: what `studio` says of it beside what it took; who checks the answer adds to them.
    """

    facts: dict[str, Any]

    async def next(self) -> Event:
        """The next event, the last one an Ending; raises Fault when it ends with an error."""

    def cancel(self) -> None:
        """Ends the writing; harmless when it is over."""


class Models(Protocol):
    """Those who can be asked: the models of this studio, or those of another server."""

    async def start(self) -> None:
        """Gets ready, once."""

    async def close(self) -> None:
        """Ends what was started."""

    def health(self) -> dict[str, Any]:
        """What `/healthz` says beside that all is well."""

    async def listed(self) -> list[dict[str, Any]]:
        """Everyone who can be asked, as `/v1/models` has it; raises Fault."""

    async def one(self, name: str) -> dict[str, Any]:
        """The model of that name; raises Fault or StudioError where there is none."""

    async def ask(self, asked: ChatRequest) -> list[Answer]:
        """Begins the `asked.n` answers to a request; raises Fault or StudioError."""


class Written:
    """An answer that the engine writes; its events are brought over from the engine's thread."""

    def __init__(self, ask: Callable[[Deliver], Ticket], facts: dict[str, Any]) -> None:
        """`ask` is called at once; what it raises passes through."""
        self.facts = facts
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._ticket = ask(self._deliver)

    def _deliver(self, event: Event) -> None:
        with suppress(RuntimeError):  # the server has stopped, and its loop with it
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def next(self) -> Event:
        """The next event; raises Fault when the answer ended with an error."""
        event = await self._events.get()
        if isinstance(event, Ending) and event.error is not None:
            raise protocol.fault_of(event.error)
        if isinstance(event, Ending) and event.reason == "cancelled":
            raise _cancelled()
        return event

    def cancel(self) -> None:
        """Ends the answer at the next token."""
        self._ticket.cancel()


class Together:
    """The answers to one request, their events in the order in which they come."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        """Begins to listen to all of them."""
        self.answers = answers
        self._events: asyncio.Queue[tuple[int, Event | Exception]] = asyncio.Queue()
        self._tasks = [
            asyncio.create_task(self._listen(index, answer)) for index, answer in enumerate(answers)
        ]

    async def next(self) -> tuple[int, Event]:
        """The next event and whose it is; raises what an answer ended with."""
        index, event = await self._events.get()
        if isinstance(event, Exception):
            raise event
        return index, event

    def cancel(self) -> None:
        """Ends all of them; whoever waits for the next event is told."""
        for answer in self.answers:
            answer.cancel()
        for task in self._tasks:
            task.cancel()
        self._events.put_nowait((0, _cancelled()))

    async def _listen(self, index: int, answer: Answer) -> None:
        event: Event | Exception | None = None
        while not isinstance(event, Ending | Exception):
            try:
                event = await answer.next()
            except Exception as error:  # noqa: BLE001  (it is raised again by `next`)
                event = error
            self._events.put_nowait((index, event))


def _cancelled() -> Fault:
    return Fault(503, "The answer was cancelled.", code="cancelled")
