"""What a person has set for the audit trail, and the removal of what is older than that allows."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from storage import audit
from storage.audit import Action
from storage.database import Database
from storage.tables import SwitchRow
from storage.trust_tables import AuditRow

SWITCH = "audit"

_DAY = 86_400


class Rules(BaseModel):
    """How much the trail holds.

    Attributes:
        prompts: of a question: its words, only a hash of them, or nothing.
        days: entries older than this are removed; None: none ever is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: Literal["stored", "hashed", "left_out"] = "hashed"
    days: int | None = Field(None, ge=1, le=36_500)


def read(database: Database) -> Rules:
    """Return what is set."""
    with database.read() as session:
        return of(session)


def of(session: Session) -> Rules:
    """Return what is set, in a transaction that is open."""
    row = session.get(SwitchRow, SWITCH)
    return Rules() if row is None else Rules(**row.value)


def write(database: Database, actor: str, rules: Rules) -> None:
    """Set them; the trail tells what they were and are."""
    with database.write() as session:
        before, after = of(session).model_dump(), rules.model_dump()
        if before != after:
            session.merge(SwitchRow(name=SWITCH, value=after))
            told = {"before": before, "after": after}
            audit.note(session, actor, Action.SETTINGS_CHANGED, SWITCH, told)


def question(rules: Rules, messages: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Return what the trail holds of a question: messages of role and content, the last one asks.

    A hash is the SHA-256 of the last message's content, and of all messages as JSON (role before
    content, no blanks, UTF-8: as votes have it). Whoever guesses a question can see by it whether
    it was asked.
    """
    if rules.prompts == "left_out":
        return {}
    if rules.prompts == "stored":
        return {"messages": [dict(each) for each in messages]}
    whole = orjson.dumps([{name: each[name] for name in ("role", "content")} for each in messages])
    return {
        "prompt_sha256": hashlib.sha256(messages[-1]["content"].encode()).hexdigest(),
        "conversation_sha256": hashlib.sha256(whole).hexdigest(),
    }


def shorten(database: Database, now: float | None = None) -> int:
    """Remove the entries that are older than is set; returns how many.

    Only from the beginning. An entry at the end tells up to which number, and the hash of the last
    one that went: the check begins there.
    """
    with database.write() as session:
        days = of(session).days
        if days is None:
            return 0
        limit = f"{(time.time() if now is None else now) - days * _DAY:.6f}"
        through = _last_before(session, limit)
        if through is None:
            return 0
        count = session.scalar(select(func.count()).where(AuditRow.number <= through.number))
        told = {"through": through.number, "hash": through.hash, "entries": count, "days": days}
        audit.note(session, audit.STUDIO, Action.TRAIL_SHORTENED, SWITCH, told)
        session.execute(delete(AuditRow).where(AuditRow.number <= through.number))
        return count or 0


def _last_before(session: Session, limit: str) -> AuditRow | None:
    """Return the last of the entries at the beginning that are older than the limit."""
    younger = session.scalar(select(func.min(AuditRow.number)).where(AuditRow.at >= limit))
    query = select(AuditRow).order_by(AuditRow.number.desc()).limit(1)
    if younger is not None:
        query = query.where(AuditRow.number < younger)
    return session.scalars(query).first()
