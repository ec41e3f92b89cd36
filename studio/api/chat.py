"""The chat protocol under /v1, passed through to the chat server as it streams."""

from typing import Final

import anyio
import httpx
import orjson
import structlog
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from studio.api.person import Here, Person

log = structlog.get_logger()

router = APIRouter(prefix="/v1", tags=["chat"])

ASKED: Final = ("accept", "authorization", "content-type")
ANSWERED: Final = ("cache-control", "content-type", "retry-after")
"""Headers that travel with a question and with its answer."""

AWAY: Final = "The chat server does not answer. It may still be starting: try again in a moment."
BROKE_OFF: Final = (
    "The chat server ended in the middle of the answer. It is started again: ask once more."
)


@router.api_route("/{path:path}", methods=["GET", "POST"], include_in_schema=False)
async def relay(path: str, request: Request, studio: Here, _owner: Person) -> Response:
    """Ask the chat server and stream its answer; OpenAI's protocol, errors included."""
    headers = {name: request.headers[name] for name in ASKED if name in request.headers}
    address = httpx.URL(studio.settings.chat_address).join(f"/v1/{path}")
    client: httpx.AsyncClient = request.app.state.chat
    return Relay(
        client,
        client.build_request(
            request.method, address, headers=headers, content=await request.body()
        ),
    )


class Relay(Response):
    """An answer that is being written elsewhere; ends there at once when the reader is gone."""

    def __init__(self, client: httpx.AsyncClient, question: httpx.Request) -> None:
        super().__init__()
        self._client = client
        self._question = question

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the answer on until it ends or nobody listens any more."""
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    continue
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await self._pass_on(scope, receive, send)
            group.cancel_scope.cancel()

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._client.send(self._question, stream=True)
        except httpx.TransportError:
            await unreachable()(scope, receive, send)
            return
        try:
            await send(_start(answer))
            try:
                async for block in answer.aiter_raw():
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                end = b""
            except httpx.TransportError:
                end = _broken_off(answer)
            await send({"type": "http.response.body", "body": end})
        finally:
            with anyio.CancelScope(shield=True):
                await answer.aclose()


def unreachable() -> JSONResponse:
    """Return the answer, in OpenAI's format, that the chat server is not there."""
    error = {"message": AWAY, "type": "server_error", "param": None, "code": "chat_unavailable"}
    return JSONResponse({"error": error}, 503, headers={"Retry-After": "3"})


def _broken_off(answer: httpx.Response) -> bytes:
    """Return what ends an answer whose server has died: an event that says so, in a stream."""
    log.warning("chat_broke_off", status=answer.status_code)
    error = {"message": BROKE_OFF, "type": "server_error", "param": None, "code": "chat_broke_off"}
    is_stream = answer.headers.get("content-type", "").startswith("text/event-stream")
    return b"\n\ndata: " + orjson.dumps({"error": error}) + b"\n\n" if is_stream else b""


def _start(answer: httpx.Response) -> dict[str, object]:
    headers = [
        (name.encode(), answer.headers[name].encode())
        for name in ANSWERED
        if name in answer.headers
    ]
    return {"type": "http.response.start", "status": answer.status_code, "headers": headers}
