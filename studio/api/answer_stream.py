"""The answer of one side as it is being written: passed on, stopped with its reader, kept."""

from typing import Final

import anyio
import anyio.to_thread
import httpx
import orjson
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from studio.api.chat import AWAY, BROKE_OFF
from studio.services import answering
from studio.services.answering import Heard
from studio.services.studio import Studio

log = structlog.get_logger()

PATIENCE: Final = 20.0
"""Seconds that a chat server is waited for which cannot be reached: it may be starting."""

_LOOK_EVERY: Final = 0.5
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class AnswerStream(Response):
    """Server-sent events; what came is kept however it ends, also when nobody listens any more."""

    def __init__(
        self, studio: Studio, client: httpx.AsyncClient, asked: httpx.Request, heard: Heard
    ) -> None:
        super().__init__()
        self._studio = studio
        self._client = client
        self._asked = asked
        self._heard = heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the answer on until it ends or its reader is gone; keep it."""
        try:
            async with anyio.create_task_group() as group:

                async def watch() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        continue
                    group.cancel_scope.cancel()

                group.start_soon(watch)
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                await self._pass_on(send)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(answering.keep, self._studio, self._heard)
        await send({"type": "http.response.body", "body": b""})

    async def _pass_on(self, send: Send) -> None:
        try:
            answer = await self._reached()
        except httpx.TransportError:
            await _say(send, self._heard.fail(AWAY, tells_who=False))
            return
        try:
            await self._listen(answer, send)
        finally:
            with anyio.CancelScope(shield=True):
                await answer.aclose()

    async def _reached(self) -> httpx.Response:
        until = anyio.current_time() + PATIENCE
        while True:
            try:
                return await self._client.send(self._asked, stream=True)
            except httpx.ConnectError:
                if anyio.current_time() >= until:
                    raise
                await anyio.sleep(_LOOK_EVERY)

    async def _listen(self, answer: httpx.Response, send: Send) -> None:
        try:
            if answer.is_error:
                await answer.aread()
                await _say(send, self._heard.fail(_refusal(answer)))
                return
            async for block in answer.aiter_raw():
                await _say(send, self._heard.feed(block))
        except httpx.TransportError:
            log.warning("chat_broke_off", status=answer.status_code)
        if not self._heard.is_over:
            await _say(send, self._heard.fail(BROKE_OFF, tells_who=False))


async def _say(send: Send, block: bytes) -> None:
    if block:
        await send({"type": "http.response.body", "body": block, "more_body": True})


def _refusal(answer: httpx.Response) -> str:
    """Return the words of a refusal in the chat protocol's form."""
    try:
        return str(orjson.loads(answer.content)["error"]["message"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return f"The chat server refused with status {answer.status_code}."
