"""What can be wrong with one line: a refusal while judging, a fault in the report."""

from dataclasses import dataclass


class Refusal(Exception):
    """A line cannot be learned from; caught by the reader and listed, never shown as an error.

    Attributes:
        kind: a short stable name, to count and to group by.
        reason: one plain sentence: what is wrong.
        hint: what to change in the line.
        column: where in the person's line, in characters, counted from 1.
    """

    def __init__(self, kind: str, reason: str, hint: str, column: int = 1) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.hint = hint
        self.column = column


@dataclass(frozen=True)
class RowFault:
    """One unusable line of the person's file; line and column are counted from 1."""

    line: int
    column: int
    kind: str
    reason: str
    hint: str


def quoted(name: object, limit: int = 40) -> str:
    """A name from the file, on one line, printable and short enough for a sentence."""
    text = ascii(name)[1:-1] if not str(name).isprintable() else str(name)
    return f'"{text[:limit]}…"' if len(text) > limit else f'"{text}"'
