"""The values of the form of a run: what is shown, what is sent, and what was changed."""

from collections.abc import Mapping
from typing import Any

from storage import specs
from storage.specs import RunSpec
from studio.components import fields

NAMES = tuple(RunSpec.model_fields)
TUNED = tuple(name for name in NAMES if name not in specs.names_in("basics"))
"""The settings that a preset fills in."""

CONDITIONAL = tuple(name for name in TUNED if specs.only(name))
"""Settings that are shown only beside certain values of others."""

DECIDING = tuple(dict.fromkeys(other for name in CONDITIONAL for other in specs.only(name)))
"""Those others."""

DEFAULTS = {name: specs.field(name).get_default() for name in (*TUNED, "preset")}
"""What the form shows while there is nothing to train with yet."""

FOLLOWED = ("method", "adapter")
"""What a preset depends on beside the data and the model; the person's own choice all the same."""


def sent(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as they are sent: those without an effect at their defaults.

    Lists that nobody has chosen from are left out, so that each is named as missing.
    """
    kept = {
        name: fields.meant(name, value) if specs.applies(name, values) else DEFAULTS[name]
        for name, value in values.items()
    }
    return {
        name: value for name, value in kept.items() if not (value is None and name in fields.PICKED)
    }


def changed(values: Mapping[str, Any], usual: Mapping[str, Any]) -> list[str]:
    """Return the settings that have an effect and differ from the preset's, in the form's order."""
    expected = {**usual, "adapter": DEFAULTS["adapter"], "method": values.get("method")}
    own = fields.LINES  # the person's own words, which no preset fills in
    shown = [name for name in TUNED if name not in own and specs.applies(name, values)]
    return [name for name in shown if not _same(name, values.get(name), expected[name])]


def followed(
    values: Mapping[str, Any], here: Mapping[str, Any], usual: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the settings with the preset's values in place of those that any preset gave.

    Args:
        values: as they are shown.
        here: what the preset gives beside them.
        usual: what it gives beside other kinds of adapter, or gave before.
    """
    kept = (*specs.names_in("basics"), *FOLLOWED)
    own = {
        name
        for name in NAMES
        if name in kept or not any(_same(name, one.get(name), values[name]) for one in usual)
    }
    return {name: values[name] if name in own else here[name] for name in NAMES}


def _same(name: str, one: Any, other: Any) -> bool:
    """Tell whether two values of a setting mean the same, as its widget shows them or as it is."""
    return bool(_plain(fields.meant(name, one)) == _plain(fields.meant(name, other)))


def keeping(names: tuple[str, ...], updates: list[Any]) -> list[Any]:
    """Return the updates of a filled form without the values of some widgets."""
    for name in names:
        place = NAMES.index(name)
        updates[place] = {key: kept for key, kept in updates[place].items() if key != "value"}
    return updates


def _plain(value: Any) -> Any:
    """Return a value so that a list equals a tuple of the same, and an empty text equals none."""
    if isinstance(value, list | tuple):
        return list(value)
    return None if value == "" else value
