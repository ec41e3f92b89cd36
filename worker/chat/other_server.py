"""Another server that speaks the OpenAI protocol, asked in place of the studio's own models."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import orjson
import structlog
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from worker.chat import protocol
from worker.chat.answers import Answer
from worker.chat.exchange import Ending, Event, Piece, Usage
from worker.chat.protocol import ChatRequest, Fault
from worker.chat.recall import Keeper, Kept, Recall
from worker.chat.sampling import Sampling

log = structlog.get_logger()

PATIENCE: Final = httpx.Timeout(300, connect=10)
"""A busy server may take minutes to a first token."""

_OURS: Final = ("studio", "n", "stream", "stream_options", "seed")
"""What is not passed on as it came."""

_NEUTRAL: Final = {"repetition_penalty": 1.0}
"""Not everyone knows these; they go along only where they say something."""


class OtherServer:
    """The models of the server at an address.

    Each answer is asked for as a stream of its own, so that what is done to answers on their way,
    and the cache, hold here too. Whether a model there has changed nobody says: an answer is
    recalled on the day on which it was written, and no longer.
    """

    def __init__(self, address: str, key: str | None = None, recall: Recall | None = None) -> None:
        """`address`: with or without `/v1`; `key`: is shown there; no `recall`: nothing is kept."""
        self._address = address.rstrip("/").removesuffix("/v1")
        self._recall = recall
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._client = httpx.AsyncClient(
            base_url=self._address, headers=headers, timeout=PATIENCE, trust_env=False
        )
        self._running = 0

    async def start(self) -> None:
        """Needs nothing."""

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()

    def health(self) -> dict[str, Any]:
        """No base model is here; where it is asked for, and how many answers are being written."""
        return {"base": None, "address": self._address, "running": self._running}

    async def listed(self) -> list[dict[str, Any]]:
        """Its models; the name is all that is known of each."""
        try:
            answer = await self._client.get("/v1/models")
        except httpx.TransportError as error:
            raise self._away(error) from error
        if not answer.is_success:
            raise self._refused(answer)
        try:
            names = [str(one["id"]) for one in answer.json()["data"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._strange("its list of models cannot be read") from error
        return [protocol.model(name, name, None) for name in names]

    async def one(self, name: str) -> dict[str, Any]:
        """The one of that name; raises Fault."""
        for model in await self.listed():
            if model["id"] == name:
                return model
        words = f'There is no model called "{name[:80]}" on the server at {self._address}.'
        raise Fault(404, words, param="model", code="model_not_found")

    async def ask(self, asked: ChatRequest) -> list[Answer]:
        """Begins the answers, each in a request of its own."""
        return [await self._begun(asked, sampling) for sampling in asked.samplings()]

    async def _begun(self, asked: ChatRequest, sampling: Sampling) -> Answer:
        told = protocol.facts(None)
        keeper = self._keeper(asked, sampling)
        if keeper is not None and not asked.studio.fresh:
            recalled = await run_in_threadpool(keeper.recalled, told)
            if recalled is not None:
                return recalled
        answer = Relayed(self._events(_body(asked, sampling)), told)
        return answer if keeper is None else Kept(answer, keeper)

    def _keeper(self, asked: ChatRequest, sampling: Sampling) -> Keeper | None:
        if self._recall is None:
            return None
        today = datetime.now(UTC).date().isoformat()
        said = [self._address, today, asked.model, asked.conversation()]
        return self._recall.among(said, sampling)

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[Event]:
        """What the server answers; raises Fault."""
        self._running += 1
        try:
            async with self._client.stream("POST", "/v1/chat/completions", json=body) as answer:
                if not answer.is_success:
                    await answer.aread()
                    raise self._refused(answer)
                async for event in self._read(answer):
                    yield event
        except httpx.ConnectError as error:
            raise self._away(error) from error
        except httpx.TransportError as error:
            raise self._broke_off(error) from error
        finally:
            self._running -= 1

    async def _read(self, answer: httpx.Response) -> AsyncIterator[Event]:
        reason, usage, is_over = None, Usage(0), False
        async for line in answer.aiter_lines():
            if not line.startswith("data:"):
                continue
            data = line.removeprefix("data:").strip()
            if is_over := data == "[DONE]":
                break
            chunk = self._chunk(data)
            usage = chunk.cost(usage)
            for choice in chunk.choices or []:
                if choice.delta.content:
                    yield Piece(choice.delta.content)
                reason = choice.finish_reason or reason
        if reason is None and not is_over:
            raise self._broke_off("the stream ended without an end")
        yield Ending("length" if reason == "length" else "stop", usage)

    def _chunk(self, data: str) -> "_Chunk":
        try:
            chunk = _Chunk.model_validate_json(data)
        except ValidationError as error:
            raise self._strange("a part of its answer cannot be read") from error
        if chunk.error:
            words = f"The server at {self._address} ended the answer."
            raise _as_told(503, {"error": chunk.error}, words)
        return chunk

    def _away(self, error: Exception) -> Fault:
        log.warning("other_server_away", address=self._address, reason=str(error))
        return Fault(
            503,
            f"The chat server at {self._address} does not answer. "
            "Start it, or take STUDIO_CHAT_URL away to ask the studio's own models.",
            code="chat_unavailable",
        )

    def _broke_off(self, error: object) -> Fault:
        log.warning("other_server_broke_off", address=self._address, reason=str(error))
        words = f"The chat server at {self._address} ended in the middle of the answer. Ask again."
        return Fault(503, words, code="chat_broke_off")

    def _strange(self, what: str) -> Fault:
        words = f"The server at {self._address} does not speak the OpenAI protocol: {what}."
        return Fault(502, words, code="chat_unreadable")

    def _refused(self, answer: httpx.Response) -> Fault:
        words = f"The server at {self._address} answered with status {answer.status_code}."
        try:
            return _as_told(answer.status_code, orjson.loads(answer.content), words)
        except orjson.JSONDecodeError:
            return Fault(answer.status_code, words, code="chat_refused")


class Relayed:
    """An answer that another server writes."""

    def __init__(self, events: AsyncIterator[Event], told: dict[str, Any]) -> None:
        """Begins to read `events`."""
        self.facts = told
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self._task = asyncio.create_task(self._listen(events))

    async def next(self) -> Event:
        """The next event; raises Fault."""
        event = await self._events.get()
        if isinstance(event, Exception):
            raise event
        return event

    def cancel(self) -> None:
        """Hangs up, which ends the writing there."""
        self._task.cancel()

    async def _listen(self, events: AsyncIterator[Event]) -> None:
        try:
            async for event in events:
                self._events.put_nowait(event)
        except Exception as error:  # noqa: BLE001  (it is raised again by `next`)
            self._events.put_nowait(error)


class _Delta(BaseModel):
    content: str | None = None


class _PartOfChoice(BaseModel):
    delta: _Delta = _Delta()
    finish_reason: str | None = None


class _Reused(BaseModel):
    cached_tokens: int | None = None


class _Counted(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Reused | None = None


class _Chunk(BaseModel):
    """A part of an answer; servers like ours say more of its cost under `studio`."""

    choices: list[_PartOfChoice] | None = None
    usage: _Counted | None = None
    studio: Usage | None = None
    error: Any = None

    def cost(self, known: Usage) -> Usage:
        """What the answer took, where this part says more than is known."""
        if self.studio is not None:
            return self.studio
        if self.usage is None or known.sure is not None:
            return known
        details = self.usage.prompt_tokens_details or _Reused()
        return Usage(
            self.usage.prompt_tokens,
            self.usage.completion_tokens,
            reused_tokens=details.cached_tokens or 0,
        )


def _body(asked: ChatRequest, sampling: Sampling) -> dict[str, Any]:
    """The request for one answer, as it is passed on."""
    told = asked.model_dump(exclude=set(_OURS), exclude_unset=True, exclude_none=True, mode="json")
    said = {key: told[key] for key in told if told[key] != _NEUTRAL.get(key)}
    seed = {} if sampling.seed is None else {"seed": sampling.seed}
    return {**said, **seed, "stream": True, "stream_options": {"include_usage": True}}


def _as_told(status: int, told: Any, otherwise: str) -> Fault:
    """An error in OpenAI's form, or nearly."""
    error = told.get("error", told) if isinstance(told, dict) else {}
    if isinstance(error, str):
        return Fault(status, error)
    message = error.get("message") or error.get("detail") if isinstance(error, dict) else None
    if not isinstance(message, str):
        return Fault(status, otherwise, code="chat_refused")
    code, param = (error.get(name) for name in ("code", "param"))
    return Fault(
        status,
        message,
        param=param if isinstance(param, str) else None,
        code=code if isinstance(code, str) else None,
    )
