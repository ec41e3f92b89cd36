"""What the commands write to the terminal, and how they say that something failed."""

from typing import Any

from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=True, markup=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)


class Failed(Exception):
    """A command could not do what was asked; says so in words.

    Attributes:
        hint: what to do now.
        status: the exit status.
    """

    def __init__(self, message: str, hint: str = "", status: int = 1) -> None:
        super().__init__(message)
        self.hint = hint
        self.status = status

    def show(self) -> None:
        """Write the words to stderr."""
        err.print(str(self))
        if self.hint:
            err.print(self.hint)


class Refused(Failed):
    """Settings were refused; carries a table of every fault."""

    def __init__(self, table: Table) -> None:
        super().__init__("The settings were refused.")
        self.table = table

    def show(self) -> None:
        """Write the table to stderr."""
        err.print(str(self))
        err.print(self.table)


def listed(rows: list[dict[str, Any]], columns: list[str]) -> None:
    """Write rows as a table with these columns; says so where there are none."""
    if not rows:
        out.print("There are none yet.")
        return
    table = Table(*[name.replace("_", " ") for name in columns])
    for row in rows:
        table.add_row(*["" if row[name] is None else str(row[name]) for name in columns])
    out.print(table)
