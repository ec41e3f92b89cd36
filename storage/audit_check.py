"""Whether the audit trail is whole: the first entry that was changed, is missing, or was put in.

What a check finds: an entry that was changed, replaced, taken out of the middle, put in between or
swapped; a beginning that was taken away, unless an entry of the trail itself tells that it was
removed by its age (`storage.audit_rules`); an end that was cut off or replaced, as far as the file
beside the database (`storage.audit_anchor`) remembers it.

What it cannot find: that whoever may write both the database and that file has written a new chain
from some entry on, or added an entry of their own at the end. Against that helps only what lies
elsewhere: keep the newest number and hash that a check tells, or an export, on another machine,
and give it to the next check.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit, audit_anchor
from storage.audit import Action, Entry, Wanted
from storage.audit_anchor import Anchor
from storage.database import Database
from storage.trust_tables import AuditRow


class Break(StrEnum):
    """What is wrong; the words for it are in `static/words`."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    REPLACED = "replaced"
    BEGINNING = "beginning"
    CUT_OFF = "cut_off"
    UNKNOWN_END = "unknown_end"


@dataclass(frozen=True)
class Checked:
    """What a check has found.

    Attributes:
        entries: so many are there.
        first: number of the oldest; 0: there is none.
        last: number and hash of the newest that was reached; None: there is none.
        broken: what is wrong with the trail; None: it is whole.
        at: number of the first entry that is wrong, or missing.
    """

    entries: int
    first: int
    last: Anchor | None
    broken: Break | None = None
    at: int | None = None


def verify(database: Database, known: Anchor | None = None) -> Checked:
    """Check every entry of the trail, in order.

    Args:
        database: the studio's.
        known: an entry that was there, by what somebody kept elsewhere.
    """
    path = audit_anchor.place(database.engine.url)
    kept = audit_anchor.read(path) if path else None  # before the trail: that may only be longer
    with database.read() as session:
        walk = _Walk(session, [one for one in (known, kept) if one is not None])
        broken = walk.to_the_end()
        if broken is None and path and kept is None and walk.last is not None:
            broken = Break.UNKNOWN_END, walk.last.number
    return Checked(walk.entries, walk.first, walk.last, *(broken or (None, None)))


class _Walk:
    """One way along the chain, from its beginning."""

    def __init__(self, session: Session, known: list[Anchor]) -> None:
        self._session = session
        self._known = known
        self.entries = 0
        self.first = 0
        self.last: Anchor | None = None

    def to_the_end(self) -> tuple[Break, int] | None:
        """Return what is wrong first, and where."""
        while found := audit.batch(self._session, Wanted(), self.last.number if self.last else 0):
            for entry in found:
                broken = self._step(entry)
                if broken is not None:
                    return broken
        end = self.last.number if self.last else 0
        is_cut_off = any(each.number > end for each in self._known)
        return (Break.CUT_OFF, end + 1) if is_cut_off else None

    def _step(self, entry: Entry) -> tuple[Break, int] | None:
        broken = self._follows(entry) or _changed(entry)
        if broken is not None:
            return broken
        known = [each.hash for each in self._known if each.number == entry.number]
        if any(each != entry.hash for each in known):
            return Break.REPLACED, entry.number
        self.entries += 1
        self.first = self.first or entry.number
        self.last = Anchor(entry.number, entry.hash)
        return None

    def _follows(self, entry: Entry) -> tuple[Break, int] | None:
        if self.last is None:
            begins = Anchor(entry.number - 1, entry.previous)
            sound = begins == Anchor(0, audit.BEGINNING) or begins == _removed(self._session)
            return None if sound else (Break.BEGINNING, entry.number)
        if entry.number != self.last.number + 1:
            return Break.MISSING, self.last.number + 1
        if entry.previous != self.last.hash:
            changed = _changed(entry)
            return changed or (Break.INSERTED, entry.number)
        return None


def _changed(entry: Entry) -> tuple[Break, int] | None:
    texts = entry.at, entry.actor, entry.action, entry.subject, entry.details, entry.previous
    is_same = audit.digest(entry.number, *texts) == entry.hash
    return None if is_same else (Break.CHANGED, entry.number)


def _removed(session: Session) -> Anchor | None:
    """Return the newest entry that was removed by its age, as the trail tells; None: none was."""
    query = select(AuditRow).where(AuditRow.action == Action.TRAIL_SHORTENED)
    row = session.scalars(query.order_by(AuditRow.number.desc()).limit(1)).first()
    if row is None:
        return None
    try:
        told = audit.read([row])[0].told
        return Anchor(told["through"], told["hash"])
    except (ValueError, KeyError, TypeError):
        return None  # it was changed: the walk comes upon it
