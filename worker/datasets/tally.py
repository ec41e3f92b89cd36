"""Counts what a pass over the file meets, and turns the counts into sentences."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Self

NAMES_LIMIT = 100  # distinct names of fields kept apart; a hostile file could have millions

# The marks that chat templates put around turns; in a text they could be taken for a real turn.
CONTROL_TOKEN = re.compile(
    r"<\|[A-Za-z0-9_ ]{1,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
)


def _counter() -> "Counter[str]":
    return Counter()


@dataclass
class Tally:
    """Everything counted beside the rows themselves; those of two pieces can be joined."""

    shapes: Counter[str] = field(default_factory=_counter)
    targets: Counter[str] = field(default_factory=_counter)
    kinds: Counter[str] = field(default_factory=_counter)  # of faults
    repairs: Counter[str] = field(default_factory=_counter)
    ignored: Counter[str] = field(default_factory=_counter)
    columns: Counter[str] = field(default_factory=_counter)
    roles: Counter[str] = field(default_factory=_counter)
    records: int = 0  # lines or elements met, blank ones included
    last_line: int = 0
    blank_lines: int = 0
    repaired: int = 0
    held_out: int = 0
    characters: int = 0
    longest: int = 0
    answers: int = 0
    longest_turns: int = 0
    token_rows: int = 0
    token_line: int = 0  # where the first of them is met
    token_first: str = ""
    copies: int = 0

    @property
    def rows_good(self) -> int:
        """Rows that can be learned from."""
        return self.shapes.total()

    @property
    def rows_refused(self) -> int:
        """Lines that hold something, but nothing that can be learned from."""
        return self.kinds.total()

    @property
    def shape(self) -> str:
        """The shape of all good rows, or "mixed"."""
        return next(iter(self.shapes)) if len(self.shapes) == 1 else "mixed"

    def see(self, names: Iterable[str], counts: "Counter[str]", times: int = 1) -> None:
        """Adds names of fields, of which only the first `NAMES_LIMIT` are kept apart."""
        for name in names:
            kept = name in counts or len(counts) < NAMES_LIMIT
            counts[name[:60] if kept else "…"] += times

    def measure(self, characters: int, answers: int, roles: tuple[str, ...]) -> None:
        """Adds the sizes of one row."""
        self.characters += characters
        self.answers += answers
        self.longest = max(self.longest, characters)
        self.longest_turns = max(self.longest_turns, len(roles))
        self.roles.update(roles)

    def look_for_tokens(self, texts: Iterable[str], line: int) -> None:
        """Notes a row with a control token in one of its texts."""
        found = next((match for text in texts if (match := CONTROL_TOKEN.search(text))), None)
        if found:
            self.token_rows += 1
            if self.token_rows == 1 or line < self.token_line:
                self.token_line, self.token_first = line, found[0]

    def add(self, later: Self, lines_before: int) -> None:
        """Joins the tally of the next piece, before which the file has so many lines."""
        if later.token_rows and not self.token_rows:
            self.token_line = later.token_line + lines_before
            self.token_first = later.token_first
        self.longest = max(self.longest, later.longest)
        self.longest_turns = max(self.longest_turns, later.longest_turns)
        self.last_line = later.last_line + lines_before
        for each in fields(self):
            if each.name not in _NOT_ADDED:
                total = getattr(self, each.name) + getattr(later, each.name)
                setattr(self, each.name, total)

    def dump(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def load(cls, stored: dict[str, Any]) -> Self:
        """What `dump` gave."""
        tally = cls()
        for name, value in stored.items():
            setattr(tally, name, Counter(value) if isinstance(value, dict) else value)
        return tally

    def warnings(self) -> tuple[str, ...]:
        """What a person should know although the rows are accepted."""
        said = (self._mixed(), self._copies(), self._tokens(), self._ignored())
        return tuple(sentence for sentence in said if sentence)

    def _mixed(self) -> str:
        if len(self.shapes) < 2:
            return ""
        parts = ", ".join(f"{name} ({count:,})" for name, count in self.shapes.most_common())
        return f"The file mixes formats: {parts}. Each row was read in its own."

    def _copies(self) -> str:
        if not self.copies:
            return ""
        return f"{_rows(self.copies)} an exact copy of an earlier row; copies are learned twice."

    def _tokens(self) -> str:
        if not self.token_rows:
            return ""
        holds = "1 row holds" if self.token_rows == 1 else f"{self.token_rows:,} rows hold"
        return (
            f"{holds} control tokens of chat templates in the text (the first is "
            f"{self.token_first} in line {self.token_line:,}); they are learned as plain text, "
            "never as the start of a turn."
        )

    def _ignored(self) -> str:
        if not self.ignored:
            return ""
        shown = ", ".join(f"{name} ({count:,})" for name, count in self.ignored.most_common(8))
        more = f" and {len(self.ignored) - 8} more" if len(self.ignored) > 8 else ""
        return f"Fields that nothing is learned from were left out: {shown}{more}."


_NOT_ADDED = {"longest", "longest_turns", "token_line", "token_first", "last_line"}


def _plain(value: Any) -> Any:
    return {str(name): count for name, count in value.items()} if type(value) is Counter else value


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"
