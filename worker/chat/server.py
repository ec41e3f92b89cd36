"""The HTTP side of the chat engine: the OpenAI chat protocol, streaming or not."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import Receive, Scope, Send

from storage.errors import StudioError
from worker.chat import protocol
from worker.chat.catalogue import Catalogue, Contestant
from worker.chat.engine import Engine
from worker.chat.exchange import Ending, Event, Piece, Ticket
from worker.chat.prompts import Prompts
from worker.chat.protocol import ChatRequest, Completion, Fault

log = structlog.get_logger()

LARGEST_BODY: Final = 2_000_000
LOOPBACK: Final = ("127.0.0.1", "localhost")


def create_app(
    engine: Engine, catalogue: Catalogue, prompts: Prompts, hosts: Sequence[str] = LOOPBACK
) -> FastAPI:
    """The application; it closes `engine` and `prompts` when it shuts down.

    `hosts` are the names it may be called by: a page that rebinds its own name to this machine
    is turned away.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(prompts.warm)
        yield
        await run_in_threadpool(engine.close)
        await run_in_threadpool(prompts.close)

    app = FastAPI(title="Tuning Studio chat", lifespan=life, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_exception_handler(Fault, _on_fault)
    app.add_exception_handler(StudioError, _on_studio_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_bug)
    _add_routes(app, engine, catalogue, prompts)
    return app


def _add_routes(app: FastAPI, engine: Engine, catalogue: Catalogue, prompts: Prompts) -> None:
    @app.get("/healthz")
    def health() -> dict[str, Any]:
        resident = engine.resident
        return {
            "status": "ok",
            "base": None if resident is None else resident.name,
            "running": engine.running,
        }

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(one) for one in catalogue.contestants()]}

    @app.get("/v1/models/{name:path}")
    def model(name: str) -> dict[str, Any]:
        return _model(catalogue.find(name))

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        asked = protocol.parse(await _body(request))
        contestant = await run_in_threadpool(catalogue.find, asked.model)
        prompt = await run_in_threadpool(prompts.render, contestant, asked.conversation())
        answer = _Answer(engine, contestant, prompt.tokens, asked)
        return await _respond(request, asked, Completion.begun(asked.model, prompt), answer)


class _Answer:
    """The engine's events, brought over from its thread."""

    def __init__(
        self, engine: Engine, contestant: Contestant, prompt: list[int], asked: ChatRequest
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.ticket: Ticket = engine.ask(contestant, prompt, asked, self._deliver)

    def _deliver(self, event: Event) -> None:
        with suppress(RuntimeError):  # the server has stopped, and its loop with it
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def next(self) -> Event:
        """The next event; raises Fault when the answer ended with an error."""
        event = await self._events.get()
        if isinstance(event, Ending) and event.error is not None:
            raise protocol.fault_of(event.error)
        if isinstance(event, Ending) and event.reason == "cancelled":
            raise Fault(503, "The answer was cancelled.", code="cancelled")
        return event


async def _respond(
    request: Request, asked: ChatRequest, completion: Completion, answer: _Answer
) -> Response:
    """Waits for the first event before it decides on a status, so that a failed load is no 200."""
    watch = asyncio.create_task(_cancel_on_hangup(request, answer.ticket))
    try:
        first = await answer.next()
        if not asked.stream:
            return JSONResponse(await _whole(completion, answer, first))
    finally:
        watch.cancel()
    events = _stream(completion, answer, first, asked.stream_options.include_usage)
    return _EventStream(events, answer.ticket)


class _EventStream(StreamingResponse):
    """A stream of server-sent events that cancels the answer when the client hangs up."""

    def __init__(self, events: AsyncIterator[bytes], ticket: Ticket) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._ticket = ticket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ticket.cancel()


async def _whole(completion: Completion, answer: _Answer, first: Event) -> dict[str, Any]:
    pieces: list[str] = []
    event = first
    while isinstance(event, Piece):
        pieces.append(event.text)
        event = await answer.next()
    return completion.whole("".join(pieces), event)


async def _stream(
    completion: Completion, answer: _Answer, first: Event, with_usage: bool
) -> AsyncIterator[bytes]:
    """The answer as server-sent events."""
    try:
        yield protocol.event(completion.first_chunk())
        event = first
        while isinstance(event, Piece):
            yield protocol.event(completion.text_chunk(event.text))
            event = await answer.next()
        yield protocol.event(completion.last_chunk(event))
        if with_usage:
            yield protocol.event(completion.usage_chunk(event))
        yield b"data: [DONE]\n\n"
    except Fault as fault:
        yield protocol.event(fault.body)


async def _cancel_on_hangup(request: Request, ticket: Ticket) -> None:
    """Cancels the answer when the client goes away before it has anything to read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    ticket.cancel()


async def _body(request: Request) -> bytes:
    """The request's body; JSON only, so that no other site's page can send one unasked."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise Fault(415, "The body must be sent as application/json.", code="invalid_content_type")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Fault(
                413, f"The body is larger than {LARGEST_BODY:,} bytes.", code="body_too_large"
            )
    return bytes(body)


def _model(contestant: Contestant) -> dict[str, Any]:
    return {
        "id": contestant.name,
        "object": "model",
        "created": 0,
        "owned_by": "tuning-studio",
        "studio": {"title": contestant.title, "base": contestant.base_id},
    }


def _on_fault(request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Fault)
    return JSONResponse(fault.body, fault.status)


def _on_studio_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StudioError)
    return _on_fault(request, protocol.fault_of(error))


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _on_fault(request, Fault(error.status_code, f"{error.detail}."))


def _on_bug(request: Request, error: Exception) -> Response:
    number = uuid4().hex[:8]
    log.error("request_failed", number=number, exc_info=error)
    return _on_fault(request, Fault(500, f"Something went wrong; the log knows it as {number}."))
