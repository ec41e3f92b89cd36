"""What can be wrong with one record, and what was put right: in the reader, and in the report."""

from dataclasses import dataclass, field


class Refusal(Exception):
    """A record cannot be learned from; caught by the reader and listed, never shown as an error.

    Attributes:
        kind: a short stable name, to count and to group by.
        reason: one plain sentence: what is wrong.
        hint: what to change in the record.
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
    """One unusable record of the person's file; line and column are counted from 1.

    Attributes:
        file: the member of an archive, or empty for the file itself.
        text: the record as it stands there, cut at `TEXT_LIMIT` characters.
    """

    line: int
    column: int
    kind: str
    reason: str
    hint: str
    file: str = ""
    text: str = ""


@dataclass(frozen=True)
class RowRepair:
    """One record that was put right without losing or guessing anything."""

    line: int
    kind: str
    reason: str
    file: str = ""


@dataclass
class Notes:
    """What reading one record met that is no fault: repairs (kind, reason) and unused fields."""

    repairs: list[tuple[str, str]] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)

    def repair(self, kind: str, reason: str) -> None:
        """Notes what was put right; the same kind once for a record."""
        if all(kind != known for known, _ in self.repairs):
            self.repairs.append((kind, reason))


TEXT_LIMIT = 20_000  # characters of a refused record that are kept


def quoted(name: object, limit: int = 40) -> str:
    """A name from the file, on one line, printable and short enough for a sentence."""
    text = ascii(name)[1:-1] if not str(name).isprintable() else str(name)
    return f'"{text[:limit]}…"' if len(text) > limit else f'"{text}"'
