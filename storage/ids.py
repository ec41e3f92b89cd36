"""Identifiers: short, random, safe in a path and an address; and the one local person."""

import re
import secrets

LOCAL_PERSON = "local"
"""Owner of everything on a studio without accounts."""

_SAFE = re.compile(r"[a-z]+_[0-9a-f]{12}")


def new(prefix: str) -> str:
    """Return a new identifier such as `run_3f9a1c2b4d5e`."""
    return f"{prefix}_{secrets.token_hex(6)}"


def is_safe(identifier: str) -> bool:
    """Tell whether a string has the form that `new` makes, so that it may name a folder."""
    return _SAFE.fullmatch(identifier) is not None
