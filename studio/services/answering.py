"""Asking one side of a round: what the chat server is sent, and what is heard of it and kept."""

from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from storage import contestant_weights, contestants, conversations
from storage.conversations import Said
from storage.errors import NotFound
from storage.exchanges import Answer
from studio.services import telling
from studio.services.studio import Studio

CANCELLED: Final = "cancelled"
"""So ends an answer that somebody has stopped, or whose reader went away."""
_LONGEST_REASON: Final = 16
_BEGIN: Final = b"data:"


@dataclass(frozen=True)
class Question:
    """A side that is about to be asked.

    Attributes:
        body: of the request, in the chat protocol.
        hidden: nothing that is passed on may say who answers.
        said: what will be kept, still without text.
    """

    body: dict[str, Any]
    hidden: bool
    said: Said


def question(studio: Studio, owner: str, conversation_id: str, number: int, side: int) -> Question:
    """Return what to ask a side of a round. Raises NotFound."""
    whole = conversations.whole(studio.database, owner, conversation_id)
    messages = whole.messages(number, side)
    put = whole.round(number)
    name = put.order[side]
    title, sha256 = _identity(studio, owner, name)
    body = {
        **put.sampling,
        "model": name,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    said = Said(conversation_id, number, side, put.at, name, title, sha256, "", CANCELLED, {})
    return Question(body, telling.is_hidden(whole, number), said)


def keep(studio: Studio, heard: "Heard") -> Answer | None:
    """Keep what was heard so far; None where the round was taken back meanwhile."""
    return conversations.keep(studio.database, heard.said)


class Heard:
    """What comes from the chat server: kept, and passed on with nothing in it that is hidden."""

    def __init__(self, asked: Question) -> None:
        self._hidden = asked.hidden
        self._said = asked.said
        self._pieces: list[str] = []
        self._facts: dict[str, Any] = {}
        self._ended = CANCELLED
        self._rest = b""

    @property
    def said(self) -> Said:
        """What has been said so far, as it is kept."""
        text = "".join(self._pieces)
        return replace(self._said, text=text, ended=self._ended, facts=self._facts)

    @property
    def is_over(self) -> bool:
        """Whether the answer has come to its end, good or bad."""
        return self._ended != CANCELLED

    def feed(self, block: bytes) -> bytes:
        """Take a piece of the stream of events; returns what may be passed on of it."""
        *lines, self._rest = (self._rest + block).split(b"\n")
        return b"".join(self._line(line.strip()) for line in lines)

    def fail(self, message: str, *, tells_who: bool = True) -> bytes:
        """Note that the answer ended with an error; returns the event that says so."""
        self._ended = "error"
        self._facts["error"] = message
        shown = telling.FAILED if self._hidden and tells_who else message
        return _event({"error": {"message": shown, "type": "server_error"}})

    def _line(self, line: bytes) -> bytes:
        told = line.removeprefix(_BEGIN).strip()
        if not line.startswith(_BEGIN):
            return b""
        if told == b"[DONE]":
            return b"data: [DONE]\n\n"
        chunk = orjson.loads(told)
        if "error" in chunk:
            return self.fail(str(chunk["error"].get("message", "")))
        self._note(chunk)
        return _event(_open(chunk) if self._hidden else chunk)

    def _note(self, chunk: dict[str, Any]) -> None:
        for choice in chunk.get("choices", []):
            self._pieces.append(_storable(choice.get("delta", {})))
            if choice.get("finish_reason"):
                self._ended = str(choice["finish_reason"])[:_LONGEST_REASON]
        self._facts |= chunk.get("studio") or {}
        usage = chunk.get("usage") or {}
        if "completion_tokens" in usage:
            self._facts["tokens"] = usage["completion_tokens"]


def _storable(delta: dict[str, Any]) -> str:
    """Return the text of a piece, put there without what some databases cannot hold."""
    if delta.get("content"):
        delta["content"] = str(delta["content"]).replace("\x00", "\ufffd")
    return delta.get("content") or ""


def _open(chunk: dict[str, Any]) -> dict[str, Any]:
    """Return a chunk without all that could tell who answers, such as the count of its tokens."""
    choices = [
        {
            "index": 0,
            "delta": {"content": choice.get("delta", {}).get("content") or ""},
            "finish_reason": choice.get("finish_reason"),
        }
        for choice in chunk.get("choices", [])
    ]
    kept: dict[str, Any] = {"object": "chat.completion.chunk", "choices": choices}
    return {**kept, "studio": telling.facts(chunk["studio"])} if chunk.get("studio") else kept


def _event(told: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(told) + b"\n\n"


def _identity(studio: Studio, owner: str, name: str) -> tuple[str, str | None]:
    """Return what a contestant is called, and the hash of its weights where it is known."""
    try:
        who = contestants.find(studio.database, studio.artifacts, owner, name)
    except NotFound:
        return name, None  # the chat server says that it is gone, or is of another maker
    weights = contestant_weights.sha256(studio.database, studio.artifacts, owner, name)
    return who.title[:300], weights
