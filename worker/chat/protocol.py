"""The OpenAI chat protocol: what a request may say, and the shapes of answers and errors.

Follows the API reference for `POST /v1/chat/completions`. Beyond it stand `repetition_penalty`
in the request and `studio` in the answer, which other clients pass over.
"""

import time
import uuid
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from storage.errors import NotFound, StudioError
from worker.chat.exchange import Busy, ContextExceeded, Ending, NoRoom
from worker.chat.prompts import Message, Prompt, TemplateFailed
from worker.chat.sampling import Sampling

_ROLES: Final = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# Pydantic puts the alternatives of a union into the path of a fault.
_UNION_STEPS: Final = ("str", "list[_Part]")
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


class ChatRequest(Sampling):
    """The body of a chat request."""

    model: str
    messages: list[_Said] = Field(min_length=1, max_length=10_000)
    stream: bool = False
    stream_options: _StreamOptions = _StreamOptions()
    n: int = 1

    @field_validator("n")
    @classmethod
    def _one_answer(cls, value: int) -> int:
        if value != 1:
            raise ValueError("only one answer a request is supported")
        return value

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


@dataclass(frozen=True)
class Completion:
    """One answer in the protocol's words.

    Attributes:
        model: the name that was asked for.
        prompt: the rendered conversation.
    """

    model: str
    prompt: Prompt
    id: str
    created: int

    @classmethod
    def begun(cls, model: str, prompt: Prompt) -> "Completion":
        """An answer that begins now."""
        return cls(model, prompt, f"chatcmpl-{uuid.uuid4().hex}", int(time.time()))

    def whole(self, text: str, ending: Ending) -> dict[str, Any]:
        """The answer to a request without streaming."""
        message = {"role": "assistant", "content": text, "refusal": None}
        return {
            **self._head("chat.completion"),
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "logprobs": None,
                    "finish_reason": ending.reason,
                }
            ],
            "usage": _usage(ending),
            "studio": self._studio(ending),
        }

    def first_chunk(self) -> dict[str, Any]:
        """The chunk that says who speaks."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None}, None)

    def text_chunk(self, text: str) -> dict[str, Any]:
        """Some more text."""
        return self._chunk({"content": text}, None)

    def last_chunk(self, ending: Ending) -> dict[str, Any]:
        """The chunk that says why the answer ended."""
        return {**self._chunk({}, ending.reason), "studio": self._studio(ending)}

    def usage_chunk(self, ending: Ending) -> dict[str, Any]:
        """What the answer took, for clients that asked with `stream_options`."""
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": _usage(ending)}

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
        }

    def _chunk(self, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _studio(self, ending: Ending) -> dict[str, Any]:
        """Ours: pace, company, and whose template the prompt was made with."""
        return {**asdict(ending.usage), "template": self.prompt.template}


def event(told: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + orjson.dumps(told) + b"\n\n"


def _usage(ending: Ending) -> dict[str, int]:
    usage = ending.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _text(content: str | list[_Part]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _first_fault(error: ValidationError) -> Fault:
    first = error.errors(include_url=False, include_context=False)[0]
    param = ".".join(str(step) for step in first["loc"] if step not in _UNION_STEPS)
    missing = first["type"] == "missing"
    message = f"{param} is missing." if missing else f"{param}: {first['msg']}."
    return Fault(400, message, param=param, code=None if missing else "invalid_value")
