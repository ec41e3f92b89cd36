"""The audit trail: read, checked, taken away, and what is set for it."""

from collections.abc import Iterator
from typing import Any

from storage import audit, audit_check, audit_files, audit_rules
from storage.audit import Action, Entry, Wanted
from storage.audit_anchor import Anchor
from storage.audit_check import Checked
from storage.audit_files import Kind
from storage.audit_rules import Rules
from studio.services.studio import Studio


def page(studio: Studio, wanted: Wanted, before: int | None, most: int) -> list[Entry]:
    """Return the newest entries that are wanted; with `before`, those before that number."""
    return audit.entries(studio.database, wanted, before=before, most=most)


def check(studio: Studio, known: Anchor | None = None) -> Checked:
    """Check the whole chain; `known` is an entry that somebody kept elsewhere."""
    return audit_check.verify(studio.database, known)


def export(studio: Studio, owner: str, wanted: Wanted, kind: Kind) -> Iterator[bytes]:
    """Return the entries that are wanted as a file, the oldest first; the trail tells of it."""
    told = {"format": kind, "wanted": _told(wanted)}
    audit.noted(studio.database, owner, Action.TRAIL_EXPORTED, "audit", told)
    return audit_files.blocks(studio.database, wanted, kind)


def rules(studio: Studio) -> Rules:
    """Return what is set."""
    return audit_rules.read(studio.database)


def set_rules(studio: Studio, owner: str, wanted: Rules) -> None:
    """Set how much is kept of a question, and for how long."""
    audit_rules.write(studio.database, owner, wanted)


def _told(wanted: Wanted) -> dict[str, Any]:
    given = {name: value for name, value in vars(wanted).items() if value}
    return {name: str(value) for name, value in given.items()}
