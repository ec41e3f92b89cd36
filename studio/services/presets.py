"""Presets of one's own: kept, listed, deleted and brought back; the Train page fills them in."""

from typing import Any

from storage import owned, presets, specs
from storage.errors import Fault, Refused
from storage.presets import Preset
from storage.tables import PresetRow
from studio.services import names
from studio.services.studio import Studio

_ANY = {"dataset_id": "any", "base_model_id": "any"}
"""A preset is for any data and any model; the settings are judged without."""


def keep(
    studio: Studio,
    owner: str,
    name: object,
    settings: object,
    made_by: dict[str, Any] | None = None,
) -> Preset:
    """Keep settings (values by name) under a name; one that is taken gets a number.

    Raises:
        Refused: with every fault at once, by field.
    """
    found = [] if isinstance(name, str) else [Fault("name", "Must be text.")]
    if not isinstance(settings, dict) or not settings:
        raise Refused([*found, Fault("settings", "Give the values of one or more settings.")])
    found += [
        Fault(str(each), "This is nothing that a preset keeps.")
        for each in settings
        if each not in presets.KEPT
    ]
    known = {each: value for each, value in settings.items() if each in presets.KEPT}
    try:
        values = specs.parse({**_ANY, **known}).model_dump(mode="json")
    except Refused as error:
        raise Refused([*found, *error.faults]) from error
    if found:
        raise Refused(found)
    kept = {each: values[each] for each in known}
    return presets.add(studio.database, owner, names.tidy(str(name), "My preset"), kept, made_by)


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[Preset]:
    """Return a person's presets, newest first; the deleted ones instead where asked."""
    return presets.all_of(studio.database, owner, deleted=deleted)


def get(studio: Studio, owner: str, preset_id: str) -> Preset:
    """Return one preset. Raises NotFound."""
    return presets.get(studio.database, owner, preset_id)


def settings_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return what a preset keeps of the settings of a run. Raises Refused."""
    return presets.settings_of(specs.parse(values))


def delete(studio: Studio, owner: str, preset_id: str) -> None:
    """Delete a preset from view. Raises NotFound."""
    owned.mark_deleted(studio.database, PresetRow, owner, preset_id, deleted=True)


def restore(studio: Studio, owner: str, preset_id: str) -> None:
    """Bring a deleted preset back. Raises NotFound."""
    owned.mark_deleted(studio.database, PresetRow, owner, preset_id, deleted=False)
