"""Sets of prompts over HTTP: read a text, keep, change, list, delete and bring back."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import prompt_sets
from studio.services.prompt_sets import Kept
from studio.services.prompt_texts import Layout, Reading

router = APIRouter(prefix="/prompt-sets", tags=["prompts"])

_TEXT = {"type": "string"}
_LAYOUT = {"enum": ["auto", "lines", "blocks", "table", "records"]}
_PROMPTS = {
    "type": "array",
    "items": {
        "anyOf": [
            _TEXT,
            {
                "type": "object",
                "required": ["text"],
                "properties": {"text": _TEXT, "expected": _TEXT},
            },
        ]
    },
}

_KEPT = documented(
    {
        "type": "object",
        "properties": {
            "name": _TEXT,
            "prompts": _PROMPTS,
            "text": _TEXT,
            "layout": _LAYOUT,
            "dataset_id": _TEXT,
            "which": {"enum": ["first", "held_out"]},
            "most": {"type": "integer", "minimum": 1, "maximum": 1000},
            "starter": {"type": "boolean"},
        },
    }
)
_CHANGED = documented(
    {
        "type": "object",
        "properties": {"name": _TEXT, "prompts": _PROMPTS, "text": _TEXT, "layout": _LAYOUT},
    }
)
_READ = documented(
    {
        "type": "object",
        "required": ["text"],
        "properties": {"text": _TEXT, "layout": _LAYOUT, "file_name": _TEXT},
    }
)


class SetLine(BaseModel):
    """A set in the list; `count`: of its prompts."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    count: int


class Understood(BaseModel):
    """How a text was read.

    `layout`: a question a line, a block, a row of a table or a record. `duplicates`: questions that
    were there before and are left out. `numbered`: numbers in front were taken away.
    """

    model_config = ConfigDict(from_attributes=True)

    layout: Layout
    duplicates: int
    numbered: bool


class ReadAnswer(Understood):
    """The questions of a text."""

    prompts: list[dict[str, Any]]


class SetAnswer(SetLine):
    """A set with its prompts, each with `text`, and with `expected` where an answer is known.

    `understood`: of what was just sent.
    """

    prompts: list[dict[str, Any]]
    understood: Understood | None = None


@router.get("")
def listing(studio: Here, owner: Person, deleted: bool = False) -> list[SetLine]:
    """List the sets, newest first; the deleted ones instead where asked."""
    found = prompt_sets.listing(studio, owner, deleted=deleted)
    return [SetLine.model_validate(each) for each in found]


@router.post("", status_code=201, openapi_extra=_KEPT)
def keep(studio: Here, owner: Person, body: JsonObject) -> SetAnswer:
    """Keep questions: `prompts`, a `text`, those of a dataset, or the `starter` set."""
    return _answer(prompt_sets.keep(studio, owner, body))


@router.post("/read", openapi_extra=_READ)
def read(_studio: Here, _owner: Person, body: JsonObject) -> ReadAnswer:
    """Tell what would be understood of a text; nothing is kept."""
    found: Reading = prompt_sets.read(body)
    return ReadAnswer.model_validate(found)


@router.get("/{set_id}")
def details(studio: Here, owner: Person, set_id: str) -> SetAnswer:
    """Show one set."""
    return SetAnswer.model_validate(prompt_sets.get(studio, owner, set_id))


@router.patch("/{set_id}", openapi_extra=_CHANGED)
def change(studio: Here, owner: Person, set_id: str, body: JsonObject) -> SetAnswer:
    """Give a set another `name`, other `prompts` (or `text`), or both."""
    return _answer(prompt_sets.change(studio, owner, set_id, body))


@router.delete("/{set_id}", status_code=204)
def delete(studio: Here, owner: Person, set_id: str) -> None:
    """Delete a set from view."""
    prompt_sets.delete(studio, owner, set_id)


@router.post("/{set_id}/restore")
def restore(studio: Here, owner: Person, set_id: str) -> SetAnswer:
    """Bring a deleted set back."""
    prompt_sets.restore(studio, owner, set_id)
    return details(studio, owner, set_id)


def _answer(kept: Kept) -> SetAnswer:
    told = SetAnswer.model_validate(kept.found)
    if kept.reading is None:
        return told
    return told.model_copy(update={"understood": Understood.model_validate(kept.reading)})
