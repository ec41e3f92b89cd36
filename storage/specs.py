"""RunSpec: the one description of a run; form, check, storage, recipe and help derive from it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from storage import wording
from storage.errors import Fault, Refused
from storage.options.adapter import AdapterSettings
from storage.options.basics import Basics
from storage.options.data import DataSettings
from storage.options.evaluation import EvaluationSettings
from storage.options.memory import MemorySettings
from storage.options.method import MethodSettings
from storage.options.training import TrainingSettings

GROUPS = ("basics", "method", "adapter", "training", "data", "memory", "evaluation")
"""The order in which the form shows the groups of fields."""


class RunSpec(
    EvaluationSettings,
    MemorySettings,
    DataSettings,
    TrainingSettings,
    AdapterSettings,
    MethodSettings,
    Basics,
):
    """Everything that decides what a run does. Frozen; unknown fields are refused.

    The fields come in the order of GROUPS: the library takes them from the last base first.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True
    )

    @property
    def effective_batch(self) -> int:
        """Examples (or packed blocks) behind each correction, read by all processes together."""
        return self.batch_size * self.accumulation * self.processes


def parse(values: object) -> RunSpec:
    """Return the spec that `values` (a mapping by field name) describes.

    Raises:
        Refused: with every fault at once, by field, in words.
    """
    try:
        return RunSpec.model_validate(values)
    except ValidationError as error:
        raise Refused([_fault(details) for details in error.errors()]) from error


def field(name: str) -> FieldInfo:
    """Return the declaration of a setting (title, description, limits, group, term)."""
    return RunSpec.model_fields[name]


def group(name: str) -> str:
    """Return the group of the form that a setting belongs to."""
    return str(_declared(name)["group"])


def term(name: str) -> str:
    """Return a setting's standard term in the field."""
    return str(_declared(name)["term"])


def only(name: str) -> dict[str, list[Any]]:
    """Return the other settings, each with the values, with which this one has an effect."""
    found: dict[str, list[Any]] = _declared(name).get("only", {})
    return found


def applies(name: str, values: Mapping[str, Any]) -> bool:
    """Tell whether a setting has an effect beside these values of the others (default: absent).

    Of the others one that has no effect itself counts as switched off.
    """
    return all(
        (values.get(other, field(other).default) if applies(other, values) else False) in there
        for other, there in only(name).items()
    )


def names_in(group: str) -> list[str]:
    """Return the names of the settings of one group, in the order of declaration."""
    return [name for name in RunSpec.model_fields if _declared(name)["group"] == group]


def _declared(name: str) -> dict[str, Any]:
    extra = field(name).json_schema_extra
    if not isinstance(extra, dict):
        raise TypeError(f"{name} was declared without `setting`")
    return dict(extra)


def _fault(details: ErrorDetails) -> Fault:
    if not details["loc"]:
        return Fault("settings", "The settings must be an object with named fields.")
    return Fault(str(details["loc"][0]), wording.of(details))
