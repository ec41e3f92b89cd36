"""Regular expressions that people write: checked before anything is searched with them."""

from typing import Final

import regex

LARGEST: Final = 20_000
"""Parts of a pattern with its counted repeats written out: compiling more takes memory without end,
as `((a{1000}){1000}){1000}` does."""

_TOKEN: Final = regex.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d*)(?:,(\d*))?\}|.", regex.DOTALL
)


def require_sound(pattern: str) -> None:
    """Check a pattern.

    Raises:
        ValueError: in words; it cannot be read, is too large, or fits on nothing at all.
    """
    if size(pattern) > LARGEST:
        raise ValueError("the pattern repeats too much")
    try:
        compiled = regex.compile(pattern, regex.IGNORECASE)
    except regex.error as error:
        raise ValueError(f"the pattern cannot be read: {error}") from error
    try:
        fires_on_nothing = compiled.search("", timeout=0.1) is not None
    except TimeoutError:
        fires_on_nothing = False
    if fires_on_nothing:
        raise ValueError("the pattern fits on nothing at all, so it would always be found")


def size(pattern: str) -> int:
    """Return how many parts a pattern has with its counted repeats written out."""
    open_groups, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        if text == "(":
            open_groups.append(0)
            continue
        if text == ")" and len(open_groups) > 1:
            last = open_groups.pop()
            open_groups[-1] += last
        elif text.startswith("{") and len(text) > 1:
            most = max([1, *(int(number) for number in token.groups() if number)])
            open_groups[-1] += last * (most - 1)
            last *= most
        else:
            last = 1
            open_groups[-1] += 1
    return sum(open_groups)
