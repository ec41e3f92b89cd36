"""Conversations over HTTP: begin, ask, hear the answers as they are written, judge, find again."""

from datetime import datetime
from typing import Annotated, Any

import anyio.to_thread
import httpx
import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from studio.api.answer_stream import AnswerStream
from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import answering, conversations, names
from studio.services.answering import Heard
from studio.services.telling import Told, ToldRound, ToldSide

router = APIRouter(prefix="/conversations", tags=["conversations"])

_TEXT = {"type": "string"}
_SETTINGS = {"system": _TEXT, "sampling": {"type": "object"}}
_BEGUN = documented(
    {
        "type": "object",
        "required": ["contestants"],
        "properties": {
            "contestants": {"type": "array", "items": _TEXT},
            "name": _TEXT,
            "blind": {"type": "boolean"},
            "prompt_set_id": _TEXT,
            **_SETTINGS,
        },
    }
)
_ASKED = documented(
    {
        "type": "object",
        "required": ["prompt"],
        "properties": {"prompt": _TEXT, "from_round": {"type": "integer"}, **_SETTINGS},
    }
)
_CHANGED = documented({"type": "object", "properties": {"name": _TEXT}})
_JUDGED = documented(
    {"type": "object", "properties": {"corrected": _TEXT, "mark": _TEXT, "note": _TEXT}}
)


class ConversationLine(BaseModel):
    """A conversation in a list: the titles of its contestants, its first prompt."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    changed_at: datetime
    contestants: list[str]
    blind: bool
    prompt: str
    rounds: int
    is_hidden: bool


class Wanted(BaseModel):
    """Which conversations."""

    search: str = Field("", max_length=200, description="In the name, a prompt or an answer.")
    deleted: bool = Field(False, description="The deleted ones instead of the others.")
    limit: int = Field(100, ge=1, le=conversations.MOST_LISTED, description="So many at most.")


@router.get("")
def listing(
    studio: Here, owner: Person, response: Response, asked: Annotated[Wanted, Query()]
) -> list[ConversationLine]:
    """List conversations, the last used first; X-Total has how many there are in all."""
    page = conversations.page(studio, owner, asked.search, deleted=asked.deleted, most=asked.limit)
    response.headers["X-Total"] = str(page.total)
    return [ConversationLine.model_validate(line) for line in page.lines]


@router.post("", status_code=201, openapi_extra=_BEGUN)
def begin(studio: Here, owner: Person, values: JsonObject) -> Told:
    """Begin a conversation with one to four contestants; 422 names every fault by field."""
    return conversations.begin(studio, owner, values)


@router.get("/export")
def export_all(studio: Here, owner: Person, asked: Annotated[Wanted, Query()]) -> StreamingResponse:
    """Give the conversations that `search` finds as JSONL; a row a contestant."""
    page = conversations.page(studio, owner, asked.search, deleted=asked.deleted, most=asked.limit)
    ids = [line.id for line in page.lines]
    rows = (row for each in ids for row in conversations.export(studio, owner, each))
    return _download(rows, "conversations")


@router.get("/{conversation_id}")
def details(studio: Here, owner: Person, conversation_id: str) -> Told:
    """Show a conversation with all that was said."""
    return conversations.get(studio, owner, conversation_id)


@router.patch("/{conversation_id}", openapi_extra=_CHANGED)
def change(studio: Here, owner: Person, conversation_id: str, values: JsonObject) -> Told:
    """Change its name, `contestants` from the next round on, or `prompt_set_id`."""
    return conversations.change(studio, owner, conversation_id, values)


@router.delete("/{conversation_id}", status_code=204)
def delete(studio: Here, owner: Person, conversation_id: str) -> None:
    """Delete a conversation from view."""
    conversations.delete(studio, owner, conversation_id)


@router.post("/{conversation_id}/restore")
def restore(studio: Here, owner: Person, conversation_id: str) -> Told:
    """Bring a deleted conversation back."""
    conversations.restore(studio, owner, conversation_id)
    return details(studio, owner, conversation_id)


@router.get("/{conversation_id}/export")
def export(studio: Here, owner: Person, conversation_id: str) -> StreamingResponse:
    """Give a conversation as JSONL; a row a contestant, with `messages`."""
    name = conversations.get(studio, owner, conversation_id).name
    return _download(conversations.export(studio, owner, conversation_id), name)


@router.post("/{conversation_id}/rounds", status_code=201, openapi_extra=_ASKED)
def ask(studio: Here, owner: Person, conversation_id: str, values: JsonObject) -> ToldRound:
    """Put a prompt to all sides; the answer of each is asked for next, at its own address.

    With `from_round` it takes the place of that round, and all later ones go.
    """
    return conversations.ask(studio, owner, conversation_id, values)


@router.post("/{conversation_id}/rounds/{number}/sides/{side}/answer")
async def answer(
    studio: Here, owner: Person, request: Request, conversation_id: str, number: int, side: int
) -> Response:
    """Let a side answer: server-sent events, chunks as in /v1/chat/completions.

    What came is kept, also when the reader goes away, which stops it. Asked again, it tries anew.
    """
    asked = await anyio.to_thread.run_sync(
        answering.question, studio, owner, conversation_id, number, side
    )
    client: httpx.AsyncClient = request.app.state.chat
    address = httpx.URL(studio.settings.chat_address).join("/v1/chat/completions")
    return AnswerStream(
        studio, client, client.build_request("POST", address, json=asked.body), Heard(asked)
    )


@router.patch("/{conversation_id}/rounds/{number}/sides/{side}", openapi_extra=_JUDGED)
def judge(
    studio: Here, owner: Person, conversation_id: str, number: int, side: int, values: JsonObject
) -> ToldSide:
    """Mark an answer (good, bad, pass, fail, harmful), correct it, note something; null undoes."""
    return conversations.judge(studio, owner, conversation_id, (number, side), values)


def _download(rows: Any, name: str) -> StreamingResponse:
    lines = (orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
    file = names.for_download(name, ".jsonl")
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=headers)
