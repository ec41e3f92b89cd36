"""Specs that another version of the studio has written: read as far as they are understood.

A setting that is missing has its default, which means what was done before there was the setting.
One that is not known any more, or whose value is not, cannot be done as it was meant: such a run is
shown, and does not start.
"""

from typing import Any

from pydantic import PrivateAttr, ValidationError

from storage.specs import RunSpec

_OFF: tuple[Any, ...] = (None, False, 0, "", "none", [], {})
"""A setting that is not known and was switched off changes nothing."""


class EarlierSpec(RunSpec):
    """The settings that are understood of those that another version has written."""

    _lost: tuple[str, ...] = PrivateAttr(())

    @property
    def lost(self) -> tuple[str, ...]:
        """Names of the settings that cannot be done as they were meant."""
        return self._lost


def read(values: Any) -> RunSpec:
    """Return the spec that was stored as `values`, whichever version stored it.

    Raises:
        ValidationError: it names neither data nor base model.
    """
    try:
        return RunSpec.model_validate(values)
    except ValidationError as error:
        places = {str(details["loc"][0]) for details in error.errors() if details["loc"]}
        doubtful = places & values.keys()
        if not doubtful:
            raise
        spec = EarlierSpec.model_validate({k: v for k, v in values.items() if k not in doubtful})
        spec._lost = tuple(sorted(name for name in doubtful if _is_meant(name, values[name])))
        return spec


def lost(spec: RunSpec) -> tuple[str, ...]:
    """Return the names of the settings of a stored spec that this version cannot do."""
    return spec.lost if isinstance(spec, EarlierSpec) else ()


def _is_meant(name: str, value: Any) -> bool:
    return name in RunSpec.model_fields or value not in _OFF
