"""Counts what a pass over the file meets, and turns the counts into sentences."""

import re
from collections import Counter

NAMES_LIMIT = 100  # distinct ignored fields kept apart; a hostile file could have millions

# The marks that chat templates put around turns; in a text they could be taken for a real turn.
CONTROL_TOKEN = re.compile(
    rb"<\|[A-Za-z0-9_ ]{1,40}\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>"
)


class Tally:
    """Everything counted beside the rows themselves."""

    def __init__(self) -> None:
        self.shapes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.blank_lines = 0
        self.characters = 0
        self.longest = 0
        self.answers = 0
        self.token_rows = 0
        self.token_first = (0, "")  # line, and the first token met
        self.copies = 0

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

    def ignore(self, names: frozenset[str]) -> None:
        """Notes the fields of a row that nothing is learned from."""
        for name in names:
            kept = name in self.ignored or len(self.ignored) < NAMES_LIMIT
            self.ignored[name[:60] if kept else "…"] += 1

    def look_for_tokens(self, text: bytes, line: int) -> None:
        """Notes a row whose text holds a control token; the caller has seen its first letter."""
        found = CONTROL_TOKEN.search(text)
        if found:
            self.token_rows += 1
            if self.token_rows == 1:
                self.token_first = (line, found[0].decode())

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
        line, token = self.token_first
        holds = "1 row holds" if self.token_rows == 1 else f"{self.token_rows:,} rows hold"
        return (
            f"{holds} control tokens of chat templates in the text (the first is {token} in "
            f"line {line:,}); they are learned as plain text, never as the start of a turn."
        )

    def _ignored(self) -> str:
        if not self.ignored:
            return ""
        shown = ", ".join(f"{name} ({count:,})" for name, count in self.ignored.most_common(8))
        more = f" and {len(self.ignored) - 8} more" if len(self.ignored) > 8 else ""
        return f"Fields that nothing is learned from were left out: {shown}{more}."


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"
