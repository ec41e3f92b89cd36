"""The errors that are meant for a person: one plain sentence and what to do next."""

from dataclasses import dataclass


class StudioError(Exception):
    """Something the person can understand and act on.

    Attributes:
        message: one plain sentence: what is wrong, and where.
        hint: what to do now; may be empty where the message says it all.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFound(StudioError):
    """The thing asked for does not exist, was deleted, or belongs to somebody else."""


class Superseded(StudioError):
    """A write came from an attempt that a newer one has replaced; the writer must stop."""


class OutOfMemory(StudioError):
    """Memory ran out while a run took its steps; with less read at once it may suffice."""


class DiskFull(StudioError):
    """A volume has no room for what is to be written; with some, it can be gone on."""


@dataclass(frozen=True)
class Fault:
    """One mistake in a form: the field's name and what is wrong with its value."""

    field: str
    message: str


class Refused(StudioError):
    """A form was refused; carries every fault at once, by field."""

    def __init__(self, faults: list[Fault]) -> None:
        names = ", ".join(dict.fromkeys(fault.field for fault in faults))
        super().__init__(f"Please correct: {names}.", " ".join(fault.message for fault in faults))
        self.faults = faults
