"""Reads what a person filled in: every mistake at once, by field, in words."""

from collections.abc import Callable
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from storage.errors import Fault, Refused

T = TypeVar("T")

_WORDS: Final = {
    "missing": "This is needed.",
    "extra_forbidden": "There is no setting of this name.",
    "string_too_short": "This is needed.",
    "string_too_long": "At most {max_length} characters.",
    "too_short": "At least {min_length} needed.",
    "too_long": "At most {max_length}.",
    "greater_than": "Must be more than {gt}.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than": "Must be less than {lt}.",
    "less_than_equal": "Must be at most {le}.",
    "int_from_float": "Must be a whole number.",
    "int_parsing": "Must be a whole number.",
    "int_type": "Must be a whole number.",
    "float_parsing": "Must be a number, such as 0.1 (with a point, not a comma).",
    "float_type": "Must be a number.",
    "finite_number": "Must be an ordinary number.",
    "bool_parsing": "Must be yes or no.",
    "bool_type": "Must be yes or no.",
    "string_type": "Must be text.",
    "tuple_type": "Must be a list.",
    "list_type": "Must be a list.",
    "dict_type": "Must be an object with named fields.",
    "model_type": "Must be an object with named fields.",
    "model_attributes_type": "Must be an object with named fields.",
    "literal_error": "Must be one of {expected}.",
    "enum": "Must be one of {expected}.",
    "union_tag_invalid": "Must be one of {expected_tags}.",
    "union_tag_not_found": "This is needed.",
}


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
    return Fault(".".join([field, *place]), _words(details))


def _words(details: ErrorDetails) -> str:
    if details["type"] == "value_error":
        words = str(details["ctx"]["error"])
        return f"{words[:1].upper()}{words[1:]}."
    words = _WORDS.get(details["type"], "This cannot be used here.")
    return words.format(**details.get("ctx", {}))
