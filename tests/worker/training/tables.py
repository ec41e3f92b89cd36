"""README's tables of what trains with what, made from the cells that the tests train.

`python -m tests.worker.training.tables` writes them.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.worker.training.matrix import ADAPTERS, FAMILIES, FIRST, METHODS, QUANTIZATIONS, Cell


@dataclass
class Notes:
    """Reasons for what is refused, numbered in the order in which they come."""

    found: list[str] = field(default_factory=list)

    def number(self, words: str) -> int:
        """Return the number of a reason."""
        if words not in self.found:
            self.found.append(words)
        return self.found.index(words) + 1


def markdown() -> str:
    """Return the tables and the reasons below them."""
    family, method, adapter, quantization = FIRST
    notes = Notes()
    tables = [
        _table("Family", FAMILIES, METHODS, notes, lambda a, b: Cell(a, b, adapter, quantization)),
        _table("Adapter", ADAPTERS, METHODS, notes, lambda a, b: Cell(family, b, a, quantization)),
        _table("Adapter", ADAPTERS, QUANTIZATIONS, notes, lambda a, b: Cell(family, method, a, b)),
        _table("Family", FAMILIES, QUANTIZATIONS, notes, lambda a, b: Cell(a, method, adapter, b)),
    ]
    reasons = [f"{number}. {words}" for number, words in enumerate(notes.found, 1)]
    return "\n\n".join([*tables, "\n".join(reasons)])


def _table(corner: str, rows: Iterable[str], columns: Iterable[str], notes: Notes, cell) -> str:  # type: ignore[no-untyped-def]
    heads = list(columns)
    lines = [f"| {corner} | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for row in rows:
        marks = [_mark(cell(row, column), notes) for column in heads]
        lines.append(f"| {row} | {' | '.join(marks)} |")
    return "\n".join(lines)


def _mark(cell: Cell, notes: Notes) -> str:
    words = cell.refusal
    return f"no ({notes.number(words)})" if words else "yes"


if __name__ == "__main__":
    sys.stdout.write(markdown() + "\n")
