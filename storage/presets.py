"""Presets of one's own: settings that a person keeps under a name, chosen on the Train page."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage import ids, owned, specs
from storage.database import Database
from storage.specs import RunSpec
from storage.tables import PresetRow

_OF_ONE_RUN = ("teacher_model_id", "start_from", "probe_prompts")
"""What belongs to certain data or a certain model is not kept."""

KEPT = tuple(
    name
    for name in RunSpec.model_fields
    if specs.group(name) != "basics" and name not in _OF_ONE_RUN
)
"""The settings that a preset fills in where they have an effect; it changes no others."""


class Preset(BaseModel):
    """Settings under a name.

    `made_by` says where they come from, such as the sweep, the run and its evaluation loss; None
    where a person has set them.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    settings: dict[str, Any]
    made_by: dict[str, Any] | None


def settings_of(spec: RunSpec) -> dict[str, Any]:
    """Return the settings of a spec that a preset keeps: those with an effect there."""
    values = spec.model_dump(mode="json")
    return {name: values[name] for name in KEPT if specs.applies(name, values)}


def add(
    database: Database,
    owner: str,
    name: str,
    settings: dict[str, Any],
    made_by: dict[str, Any] | None = None,
) -> Preset:
    """Keep settings under a name; one that is taken gets a number behind it."""
    with database.write() as session:
        taken = {row.name for row in owned.all_of(session, PresetRow, owner)}
        row = PresetRow(
            id=ids.new("preset"),
            owner=owner,
            name=_free(name, taken),
            settings=settings,
            made_by=made_by,
        )
        session.add(row)
        session.flush()
        return Preset.model_validate(row)


def get(database: Database, owner: str, preset_id: str) -> Preset:
    """Return one preset. Raises NotFound where there is none of that owner."""
    with database.read() as session:
        return Preset.model_validate(owned.one(session, PresetRow, owner, preset_id))


def all_of(database: Database, owner: str, *, deleted: bool = False) -> list[Preset]:
    """Return a person's presets, newest first; the deleted ones instead where asked."""
    with database.read() as session:
        rows = owned.all_of(session, PresetRow, owner, deleted=deleted)
        return [Preset.model_validate(row) for row in rows]


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free
