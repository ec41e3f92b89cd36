"""What pydantic finds wrong with a value, in the words of the person who filled it in."""

from typing import Final

from pydantic_core import ErrorDetails

_NEEDED = "This is needed."
_NUMBER = "Must be a number, such as 0.0002 (with a point, not a comma)."
_WHOLE = "Must be a whole number."
_FIELDS = "Must be an object with named fields."
_CHOICE = "Must be one of {expected}."

WORDS: Final = {
    "missing": _NEEDED,
    "string_too_short": _NEEDED,
    "union_tag_not_found": _NEEDED,
    "extra_forbidden": "There is no setting of this name.",
    "invalid_key": "The name of a setting must be text.",
    "string_too_long": "At most {max_length} characters.",
    "too_short": "At least {min_length} needed.",
    "too_long": "At most {max_length} entries.",
    "greater_than": "Must be more than {gt}.",
    "greater_than_equal": "Must be at least {ge}.",
    "less_than": "Must be less than {lt}.",
    "less_than_equal": "Must be at most {le}.",
    "finite_number": "Must be an ordinary number.",
    "int_from_float": _WHOLE,
    "int_parsing": _WHOLE,
    "int_type": _WHOLE,
    "int_parsing_size": "This number is too long.",
    "float_parsing": _NUMBER,
    "float_type": "Must be a number.",
    "bool_parsing": "Must be yes or no.",
    "bool_type": "Must be yes or no.",
    "string_type": "Must be text.",
    "string_unicode": "Must be text.",
    "tuple_type": "Must be a list.",
    "list_type": "Must be a list.",
    "dict_type": _FIELDS,
    "model_type": _FIELDS,
    "model_attributes_type": _FIELDS,
    "literal_error": _CHOICE,
    "enum": _CHOICE,
    "union_tag_invalid": "Must be one of {expected_tags}.",
}


def of(details: ErrorDetails) -> str:
    """Return one of pydantic's errors as a sentence."""
    if details["type"] == "value_error":
        words = str(details["ctx"]["error"])
        return f"{words[:1].upper()}{words[1:]}."
    words = WORDS.get(details["type"], "This cannot be used here.")
    return words.format(**details.get("ctx", {}))
