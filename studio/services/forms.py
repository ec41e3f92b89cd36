"""Reads what a person filled in: every mistake at once, by field, in words."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from storage import wording
from storage.errors import Fault, Refused

T = TypeVar("T")


def read(validate: Callable[[object], T], values: object, field: str, tag: str = "") -> T:
    """Return what `validate` makes of the values.

    Args:
        validate: of a pydantic model or type adapter.
        values: as they came.
        field: what the form calls them; the faults' fields begin with it.
        tag: of a discriminated union: the value that pydantic puts into the place of a fault.

    Raises:
        Refused: with every fault at once.
    """
    try:
        return validate(values)
    except ValidationError as error:
        faults = [_fault(details, field, tag) for details in error.errors()]
        raise Refused(faults) from error


def _fault(details: ErrorDetails, field: str, tag: str) -> Fault:
    place = [str(part) for part in details["loc"]]
    if tag and place[:1] == [tag]:
        place = place[1:]
    if details["type"].startswith("union_tag"):
        place = [*place, "kind"]
    return Fault(".".join([field, *place]), wording.of(details))
