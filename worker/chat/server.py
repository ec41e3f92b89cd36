"""The HTTP side of the chat engine: the OpenAI chat protocol, streaming or not."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from storage.errors import StudioError
from worker.chat import protocol, responses
from worker.chat.answers import Models
from worker.chat.protocol import Fault

log = structlog.get_logger()

LARGEST_BODY: Final = 2_000_000
LOOPBACK: Final = ("127.0.0.1", "localhost")


def create_app(models: Models, hosts: Sequence[str] = LOOPBACK) -> FastAPI:
    """The application; it starts `models` with itself and closes them when it shuts down.

    `hosts` are the names it may be called by: a page that rebinds its own name to this machine
    is turned away.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await models.start()
        yield
        await models.close()

    app = FastAPI(title="Tuning Studio chat", lifespan=life, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_exception_handler(Fault, _on_fault)
    app.add_exception_handler(StudioError, _on_studio_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_bug)
    _add_routes(app, models)
    return app


def _add_routes(app: FastAPI, models: Models) -> None:
    @app.get("/healthz")
    def health() -> dict[str, Any]:
        return {"status": "ok", **models.health()}

    @app.get("/v1/models")
    async def listed() -> dict[str, Any]:
        return {"object": "list", "data": await models.listed()}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        return await models.one(name)

    @app.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        asked = protocol.parse(await _body(request))
        return await responses.respond(request, asked, await models.ask(asked))


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
