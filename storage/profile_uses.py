"""Which safety profile is in force for whom: the studio, or one contestant."""

from sqlalchemy import select

from storage import audit
from storage.audit import Action
from storage.database import Database
from storage.trust_tables import ProfileUseRow

STUDIO = "studio"
"""The subject that holds for everyone who has no profile of their own."""

Uses = dict[str, str]
"""The profile's id, by subject: `STUDIO`, or a contestant's name such as adapter:ID."""


def of(database: Database, owner: str) -> Uses:
    """Return everything that is in force."""
    with database.read() as session:
        rows = session.scalars(select(ProfileUseRow).where(ProfileUseRow.owner == owner))
        return {row.subject: row.profile_id for row in rows}


def in_force(uses: Uses, contestant: str) -> str | None:
    """Return the id of the profile for a contestant: its own, else the studio's, else None.

    A saved state (checkpoint:RUN:STEP) has none of its own.
    """
    return uses.get(contestant, uses.get(STUDIO))


def put(database: Database, owner: str, subject: str, profile_id: str | None) -> None:
    """Put a profile in force for a subject; None takes it out of force. The audit trail says so."""
    with database.write() as session:
        row = session.get(ProfileUseRow, (owner, subject))
        before = None if row is None else row.profile_id
        if row is not None:
            session.delete(row)
            session.flush()
        if profile_id is not None:
            session.add(ProfileUseRow(owner=owner, subject=subject, profile_id=profile_id))
        told = {"profile": profile_id, "before": before}
        audit.note(session, owner, Action.PROFILE_IN_FORCE, subject, told)
