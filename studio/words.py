"""The words of the pages: one catalogue a language in `static/words`, English first."""

import json
from functools import cache

from storage import shipped

CATALOGUES = shipped.folder("static") / "words"


@cache
def catalogue(language: str = "en") -> dict[str, str]:
    """Return the words of a language by key."""
    words: dict[str, str] = json.loads((CATALOGUES / f"{language}.json").read_text("utf-8"))
    return words


def say(key: str, **values: object) -> str:
    """Return the words of a key with its `{places}` filled in; KeyError where it has none."""
    return catalogue()[key].format(**values)
