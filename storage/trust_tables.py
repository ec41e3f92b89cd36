"""The tables of what makes trust: evaluations, safety profiles in force, the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables import Leased, Owned, Table, now


class EvaluationRow(Owned, Leased, Table):
    """Questions put to contestants by the worker, all to each.

    `kind`: answers, or safety. `titles` of the contestants and `prompts`: as they were when it was
    asked for; the prompts may be long, and are read only where they are used. `profile`: the safety
    profile as it was. `result`: the summary, once it is ready.
    """

    __tablename__ = "evaluations"

    kind: Mapped[str] = mapped_column(String(16))
    contestants: Mapped[list[str]] = mapped_column(JSON)
    titles: Mapped[list[str]] = mapped_column(JSON)
    prompts: Mapped[list[dict[str, Any]]] = mapped_column(JSON, deferred=True)
    prompt_set_id: Mapped[str | None] = mapped_column(String(32))
    system: Mapped[str] = mapped_column(Text, default="")
    sampling: Mapped[dict[str, Any]]
    profile: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]


class EvaluationAnswerRow(Table):
    """What a contestant answered to a question of an evaluation; `side`: its place among them.

    `ended`: stop, length, content_filter, too_long or refused. `facts`: tokens, how sure it was,
    verdicts.
    """

    __tablename__ = "evaluation_answers"

    evaluation_id: Mapped[str] = mapped_column(
        ForeignKey("evaluations.id", ondelete="CASCADE"), primary_key=True
    )
    side: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(Text)
    ended: Mapped[str] = mapped_column(String(16))
    facts: Mapped[dict[str, Any]]


class CachedAnswerRow(Table):
    """An answer that would be the same again; `key`: a hash of all that it depends on."""

    __tablename__ = "cached_answers"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    ended: Mapped[str] = mapped_column(String(16))
    facts: Mapped[dict[str, Any]]
    used_at: Mapped[datetime] = mapped_column(default=now)


class ProfileUseRow(Table):
    """Which safety profile is in force for whom; `subject`: "studio", or a contestant's name."""

    __tablename__ = "profile_uses"

    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    profile_id: Mapped[str] = mapped_column(String(64))
    since: Mapped[datetime] = mapped_column(default=now)


class AuditRow(Table):
    """Something that was done, in a chain: `hash` is over what this entry says and `previous`.

    Entries are only ever added. `at`: seconds since 1970 as text, hashed as it stands.
    """

    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(32))
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(300))
    details: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


Index("cached_answers_by_use", CachedAnswerRow.used_at)
Index("audit_by_action", AuditRow.action, AuditRow.number)
