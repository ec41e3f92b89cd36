"""The library of system prompts over HTTP."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import system_prompts

router = APIRouter(prefix="/system-prompts", tags=["system prompts"])

_KEPT = documented(
    {
        "type": "object",
        "required": ["text"],
        "properties": {"name": {"type": "string"}, "text": {"type": "string"}},
    }
)


class SystemPromptAnswer(BaseModel):
    """A system prompt under a name."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    text: str
    created_at: datetime


@router.get("")
def listing(studio: Here, owner: Person, deleted: bool = False) -> list[SystemPromptAnswer]:
    """List the system prompts by name; the deleted ones instead where asked."""
    found = system_prompts.listing(studio, owner, deleted=deleted)
    return [SystemPromptAnswer.model_validate(one) for one in found]


@router.post("", status_code=201, openapi_extra=_KEPT)
def keep(studio: Here, owner: Person, values: JsonObject) -> SystemPromptAnswer:
    """Keep a system prompt; without a name it is called by its beginning."""
    return SystemPromptAnswer.model_validate(system_prompts.keep(studio, owner, values))


@router.patch("/{system_prompt_id}", openapi_extra=_KEPT)
def change(
    studio: Here, owner: Person, system_prompt_id: str, values: JsonObject
) -> SystemPromptAnswer:
    """Change its name or its text."""
    changed = system_prompts.change(studio, owner, system_prompt_id, values)
    return SystemPromptAnswer.model_validate(changed)


@router.delete("/{system_prompt_id}", status_code=204)
def delete(studio: Here, owner: Person, system_prompt_id: str) -> None:
    """Delete a system prompt from view."""
    system_prompts.delete(studio, owner, system_prompt_id)


@router.post("/{system_prompt_id}/restore", status_code=204)
def restore(studio: Here, owner: Person, system_prompt_id: str) -> None:
    """Bring a deleted system prompt back."""
    system_prompts.restore(studio, owner, system_prompt_id)
