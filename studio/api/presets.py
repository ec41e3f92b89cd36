"""Presets of one's own over HTTP: keep, list, delete and bring back."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import presets

router = APIRouter(prefix="/presets", tags=["presets"])

_KEPT = documented(
    {
        "type": "object",
        "required": ["name", "settings"],
        "properties": {"name": {"type": "string"}, "settings": {"type": "object"}},
    }
)


class PresetAnswer(BaseModel):
    """Settings under a name; `made_by` names the sweep and the run that they come from, if any."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    name: str
    created_at: datetime
    settings: dict[str, Any]
    made_by: dict[str, Any] | None


@router.get("")
def listing(studio: Here, owner: Person, deleted: bool = False) -> list[PresetAnswer]:
    """List the presets, newest first; the deleted ones instead where asked."""
    found = presets.listing(studio, owner, deleted=deleted)
    return [PresetAnswer.model_validate(each) for each in found]


@router.post("", status_code=201, openapi_extra=_KEPT)
def keep(studio: Here, owner: Person, body: JsonObject) -> PresetAnswer:
    """Keep settings under a name; 422 names every fault by field."""
    made = presets.keep(studio, owner, body.get("name"), body.get("settings"))
    return PresetAnswer.model_validate(made)


@router.get("/{preset_id}")
def details(studio: Here, owner: Person, preset_id: str) -> PresetAnswer:
    """Show one preset."""
    return PresetAnswer.model_validate(presets.get(studio, owner, preset_id))


@router.delete("/{preset_id}", status_code=204)
def delete(studio: Here, owner: Person, preset_id: str) -> None:
    """Delete a preset from view."""
    presets.delete(studio, owner, preset_id)


@router.post("/{preset_id}/restore")
def restore(studio: Here, owner: Person, preset_id: str) -> PresetAnswer:
    """Bring a deleted preset back."""
    presets.restore(studio, owner, preset_id)
    return details(studio, owner, preset_id)
