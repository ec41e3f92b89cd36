"""The OpenAI chat protocol: what a request may say, and the shapes of answers and errors.

Follows the API reference for `POST /v1/chat/completions`. Beyond it stand `repetition_penalty`
and `studio` in the request and `studio` in the answer, which other clients pass over.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from storage.errors import NotFound, StudioError
from worker.chat.exchange import Busy, ContextExceeded, Ending, NoRoom
from worker.chat.prompts import Message, TemplateFailed
from worker.chat.sampling import Sampling

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# Pydantic puts the alternatives of a union into the path of a fault.
_UNION_STEPS: Final = ("str", "list[_Part]")
MOST_ANSWERS: Final = 16
"""Of one request."""

_UNSUPPORTED: Final = ("tools", "functions", "audio", "logprobs", "top_logprobs", "logit_bias")


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)

    type: Literal["text"]
    text: str


class _Said(BaseModel):
    model_config = ConfigDict(strict=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part]


class _StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True)

    include_usage: bool = False


class _StudioOptions(BaseModel):
    """Ours. `fresh`: the answer is written anew, also where one is kept."""

    model_config = ConfigDict(strict=True)

    fresh: bool = False


class ChatRequest(Sampling):
    """The body of a chat request."""

    model: str
    messages: list[_Said] = Field(min_length=1, max_length=10_000)
    stream: bool = False
    stream_options: _StreamOptions = _StreamOptions()
    n: int = Field(1, ge=1, le=MOST_ANSWERS)
    studio: _StudioOptions = _StudioOptions()

    def samplings(self) -> list[Sampling]:
        """The settings of each of the `n` answers: answer i has the seed `seed` + i."""
        if self.seed is None:
            return [self] * self.n
        return [self.model_copy(update={"seed": self.seed + index}) for index in range(self.n)]

    def conversation(self) -> list[Message]:
        """The messages as chat templates want them: plain text under the roles they know."""
        return [
            {"role": _ROLES[said.role], "content": _text(said.content)} for said in self.messages
        ]


class Fault(Exception):
    """An answer that is an error, in OpenAI's form."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        kind = "server_error" if status >= 500 else "invalid_request_error"
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def parse(body: bytes) -> ChatRequest:
    """Reads a request; raises Fault (400) naming the parameter that is wrong."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Fault(400, f"The body is not valid JSON: {error}.", code="invalid_json") from error
    if not isinstance(told, dict):
        raise Fault(400, "The body must be a JSON object.", code="invalid_json")
    told = {key: told[key] for key in told if told[key] is not None}
    for key in _UNSUPPORTED:
        if told.get(key):
            raise Fault(400, f"{key} is not supported.", param=key, code="unsupported_parameter")
    try:
        return ChatRequest.model_validate(told)
    except ValidationError as error:
        raise _first_fault(error) from error


def fault_of(error: StudioError) -> Fault:
    """The fault that tells a client about `error`."""
    if isinstance(error, NotFound):
        return Fault(404, str(error), param="model", code="model_not_found")
    if isinstance(error, ContextExceeded):
        return Fault(400, str(error), param="messages", code="context_length_exceeded")
    if isinstance(error, TemplateFailed):
        return Fault(400, str(error), param="messages", code="template_failed")
    if isinstance(error, NoRoom):
        return Fault(503, str(error), param="model", code="no_room")
    if isinstance(error, Busy):
        return Fault(503, str(error), code="busy")
    return Fault(503, str(error), param="model", code="model_unusable")


def facts(template: str | None, dropped_turns: int = 0) -> dict[str, Any]:
    """What `studio` says of an answer beside what it took.

    `template`: whose template the prompt was made with; None: nobody says. `cached`: the answer
    was written before. `dropped_turns`: so many of the oldest turns did not fit. `verdicts`:
    what the safety rules found, under the profile `profile`.
    """
    return {
        "template": template,
        "cached": False,
        "dropped_turns": dropped_turns,
        "verdicts": [],
        "profile": None,
    }


def model(name: str, title: str, base: str | None) -> dict[str, Any]:
    """A line of `/v1/models`."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "tuning-studio",
        "studio": {"title": title, "base": base},
    }


@dataclass(frozen=True)
class Choice:
    """One finished answer of a request; `told`: as `facts` has them."""

    index: int
    text: str
    ending: Ending
    told: dict[str, Any]


@dataclass(frozen=True)
class Completion:
    """The answers to one request in the protocol's words; `model`: the name that was asked for."""

    model: str
    id: str
    created: int

    @classmethod
    def begun(cls, model: str) -> "Completion":
        """Answers that begin now."""
        return cls(model, f"chatcmpl-{uuid.uuid4().hex}", int(time.time()))

    def whole(self, choices: Sequence[Choice]) -> dict[str, Any]:
        """The answer to a request without streaming."""
        shown = [_choice(choice) for choice in choices]
        return {
            **self._head("chat.completion"),
            "choices": shown,
            "usage": _usage([choice.ending for choice in choices]),
            "studio": shown[0]["studio"],
        }

    def first_chunk(self, index: int) -> dict[str, Any]:
        """The chunk that says who speaks."""
        return self._chunk(index, {"role": "assistant", "content": "", "refusal": None}, None)

    def text_chunk(self, index: int, text: str) -> dict[str, Any]:
        """Some more text."""
        return self._chunk(index, {"content": text}, None)

    def last_chunk(self, index: int, ending: Ending, told: dict[str, Any]) -> dict[str, Any]:
        """The chunk that says why an answer ended."""
        return {**self._chunk(index, {}, ending.reason), "studio": _studio(ending, told)}

    def usage_chunk(self, endings: Sequence[Ending]) -> dict[str, Any]:
        """What the answers took, for clients that asked with `stream_options`."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(endings)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def _chunk(self, index: int, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "index": choice.index,
        "message": {"role": "assistant", "content": choice.text, "refusal": None},
        "logprobs": None,
        "finish_reason": choice.ending.reason,
        "studio": _studio(choice.ending, choice.told),
    }


def _studio(ending: Ending, told: dict[str, Any]) -> dict[str, Any]:
    return {**asdict(ending.usage), **told}


def event(told: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + orjson.dumps(told) + b"\n\n"


def _usage(endings: Sequence[Ending]) -> dict[str, Any]:
    """What all answers took together; the prompt they share is read once."""
    first = endings[0].usage
    read = first.prompt_tokens
    written = sum(ending.usage.completion_tokens for ending in endings)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": first.reused_tokens},
    }


def _text(content: str | list[_Part]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _first_fault(error: ValidationError) -> Fault:
    first = error.errors(include_url=False, include_context=False)[0]
    param = ".".join(str(step) for step in first["loc"] if step not in _UNION_STEPS)
    missing = first["type"] == "missing"
    message = f"{param} is missing." if missing else f"{param}: {first['msg']}."
    return Fault(400, message, param=param, code=None if missing else "invalid_value")
