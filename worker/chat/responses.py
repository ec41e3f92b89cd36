"""Answers as HTTP has them: one JSON object, or a stream of events that ends with its reader."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from worker.chat import protocol
from worker.chat.answers import Answer, Together
from worker.chat.exchange import Ending, Event
from worker.chat.protocol import ChatRequest, Choice, Completion, Fault


async def respond(request: Request, asked: ChatRequest, answers: Sequence[Answer]) -> Response:
    """Waits for the first event before it decides on a status, so that a failed load is no 200."""
    completion = Completion.begun(asked.model)
    together = Together(answers)
    watch = asyncio.create_task(_cancel_on_hangup(request, together))
    try:
        first = await together.next()
        if not asked.stream:
            return JSONResponse(await _whole(completion, together, first))
    except BaseException:
        together.cancel()
        raise
    finally:
        watch.cancel()
    events = _stream(completion, together, first, asked.stream_options.include_usage)
    return _EventStream(events, together)


class _EventStream(StreamingResponse):
    """A stream of server-sent events that cancels the answers when the client hangs up."""

    def __init__(self, events: AsyncIterator[bytes], together: Together) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._together = together

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._together.cancel()


async def _whole(
    completion: Completion, together: Together, first: tuple[int, Event]
) -> dict[str, Any]:
    texts: list[list[str]] = [[] for _ in together.answers]
    endings: dict[int, Ending] = {}
    index, event = first
    while True:
        if isinstance(event, Ending):
            endings[index] = event
        else:
            texts[index].append(event.text)
        if len(endings) == len(together.answers):
            break
        index, event = await together.next()
    return completion.whole(
        [
            Choice(index, "".join(texts[index]), endings[index], answer.facts)
            for index, answer in enumerate(together.answers)
        ]
    )


async def _stream(
    completion: Completion, together: Together, first: tuple[int, Event], with_usage: bool
) -> AsyncIterator[bytes]:
    """The answers as server-sent events."""
    try:
        for index in range(len(together.answers)):
            yield protocol.event(completion.first_chunk(index))
        endings: list[Ending] = []
        index, event = first
        while True:
            if isinstance(event, Ending):
                endings.append(event)
                facts = together.answers[index].facts
                yield protocol.event(completion.last_chunk(index, event, facts))
            else:
                yield protocol.event(completion.text_chunk(index, event.text))
            if len(endings) == len(together.answers):
                break
            index, event = await together.next()
        if with_usage:
            yield protocol.event(completion.usage_chunk(endings))
        yield b"data: [DONE]\n\n"
    except Fault as fault:
        yield protocol.event(fault.body)


async def _cancel_on_hangup(request: Request, together: Together) -> None:
    """Cancels the answers when the client goes away before it has anything to read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    together.cancel()
