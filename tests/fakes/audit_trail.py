"""What is done to an audit trail in tests, by the rules and past them."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from storage import audit, audit_anchor
from storage.audit import Action, Wanted
from storage.database import Database

TRIGGERS = ("audit_unchanged", "audit_in_order", "audit_kept")
DAY = 86_400


def noted(database: Database, count: int) -> None:
    """Note so many downloads."""
    for number in range(1, count + 1):
        audit.noted(database, "anna", Action.DOWNLOADED, f"adapter_{number}", {"bytes": number})


def by_hand(database: Database, *statements: str) -> None:
    """Do to the table what nobody should, with the triggers taken away."""
    with database.write() as session:
        for name in TRIGGERS:
            session.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        for statement in statements:
            session.execute(text(statement))


def anchor_of(story: Any) -> Path:
    """Return the file with the newest entry."""
    return Path(story.home) / audit_anchor.NAME


def rehash(database: Database, first: int) -> None:
    """Write a sound chain over what stands there from an entry on, as a forger would."""
    with database.write() as session:
        rows = audit.batch(session, Wanted(), first - 2)
        previous = rows[0].hash if rows[0].number < first else audit.BEGINNING
        for row in rows:
            if row.number < first:
                continue
            texts = row.at, row.actor, row.action, row.subject, row.details, previous
            previous = audit.digest(row.number, *texts)
            values = {"p": texts[-1], "h": previous, "n": row.number}
            statement = "UPDATE audit SET previous = :p, hash = :h WHERE number = :n"
            session.execute(text(statement), values)
