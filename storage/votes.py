"""Votes: which of two answers to the same prompt is better; found, taken back, brought back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from storage import audit
from storage.audit import Action
from storage.conversation_tables import VoteRow
from storage.database import Database
from storage.errors import NotFound, StudioError
from storage.tables import now


class Outcome(StrEnum):
    """What a person thinks of two answers."""

    A = "a"
    B = "b"
    TIE = "tie"
    BAD = "bad"


class Vote(BaseModel):
    """A vote as the rest of the studio sees it; see `VoteRow`.

    `told`: `messages` up to and with the prompt, `sampling`, and of each side (`a`, `b`) what stood
    there: contestant, title, sha256, text, corrected, mark, note, ended.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    person: str
    conversation_id: str | None
    number: int
    contestant_a: str
    contestant_b: str
    sha256_a: str | None
    sha256_b: str | None
    outcome: Outcome
    reason: str
    blind: bool
    prompt_sha256: str
    prompt_set_id: str | None
    told: dict[str, Any]
    at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True)
class Cast:
    """A vote without what was said; see `VoteRow`."""

    contestant_a: str
    contestant_b: str
    sha256_a: str | None
    sha256_b: str | None
    outcome: str
    person: str
    prompt_set_id: str | None


@dataclass(frozen=True)
class Wanted:
    """Which votes: all that fulfil every condition given; times are of the vote."""

    contestant: str | None = None
    person: str | None = None
    prompt_set_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_blind: bool | None = None


def get(database: Database, owner: str, vote_id: str) -> Vote:
    """Return one vote, also one that was taken back. Raises NotFound."""
    with database.read() as session:
        return Vote.model_validate(_one(session, owner, vote_id))


def all_of(
    database: Database, owner: str, wanted: Wanted | None = None, most: int | None = None
) -> list[Vote]:
    """Return the votes that are wanted, or the newest of them; newest first.

    Those taken back are none.
    """
    query = _chosen(select(VoteRow), owner, wanted or Wanted())
    with database.read() as session:
        rows = session.scalars(query.order_by(VoteRow.at.desc(), VoteRow.id).limit(most))
        return [Vote.model_validate(row) for row in rows]


def count(database: Database, owner: str, wanted: Wanted | None = None) -> int:
    """Return how many votes are wanted."""
    query = _chosen(select(func.count(VoteRow.id)), owner, wanted or Wanted())
    with database.read() as session:
        return session.scalar(query) or 0


def cast_ones(database: Database, owner: str, wanted: Wanted | None = None) -> list[Cast]:
    """Return what ratings need of the votes that are wanted, oldest first."""
    columns = [getattr(VoteRow, name) for name in Cast.__dataclass_fields__]
    query = _chosen(select(*columns), owner, wanted or Wanted())
    with database.read() as session:
        return [Cast(*found) for found in session.execute(query.order_by(VoteRow.at, VoteRow.id))]


def title_of(database: Database, owner: str, contestant: str) -> str:
    """Return what a contestant was called at the newest vote on it; without one its name."""
    query = _chosen(select(VoteRow), owner, Wanted(contestant=contestant))
    with database.read() as session:
        row = session.scalars(query.order_by(VoteRow.at.desc()).limit(1)).first()
        if row is None:
            return contestant
        return str(row.told["a" if row.contestant_a == contestant else "b"]["title"])


def told_of(row: VoteRow) -> dict[str, Any]:
    """Return what the audit trail says of a vote; its hash of the conversation is a question's."""
    return {
        "conversation": row.conversation_id,
        "round": row.number,
        "outcome": row.outcome,
        "blind": row.blind,
        "contestants": [row.contestant_a, row.contestant_b],
        "weights_sha256": [row.sha256_a, row.sha256_b],
        "conversation_sha256": row.prompt_sha256,
    }


def take_back(database: Database, owner: str, vote_id: str) -> None:
    """Take a vote back; `give_again` brings it back. Raises NotFound."""
    with database.write() as session:
        row = _one(session, owner, vote_id)
        if row.deleted_at is None:
            row.deleted_at = now()
            audit.note(session, owner, Action.VOTE_WITHDRAWN, vote_id, told_of(row))


def give_again(database: Database, owner: str, vote_id: str) -> Vote:
    """Bring a vote back that was taken back.

    Raises:
        NotFound: there is no such vote of that owner.
        StudioError: the person has voted on this pair again meanwhile.
    """
    with database.write() as session:
        row = _one(session, owner, vote_id)
        others = select(VoteRow).where(
            VoteRow.conversation_id == row.conversation_id,
            VoteRow.number == row.number,
            VoteRow.prompt_sha256 == row.prompt_sha256,
            VoteRow.person == row.person,
            VoteRow.deleted_at.is_(None),
            VoteRow.id != row.id,
        )
        if row.deleted_at and any(pair_of(one) == pair_of(row) for one in session.scalars(others)):
            raise StudioError("There is a newer vote on these two answers.", "Take that one back.")
        row.deleted_at = None
        audit.note(session, owner, Action.RESTORED, vote_id, {"kind": "vote", **told_of(row)})
        return Vote.model_validate(row)


def pair_of(row: VoteRow) -> frozenset[str]:
    """Return the two contestants of a vote, whichever stood on which side."""
    return frozenset({row.contestant_a, row.contestant_b})


def _one(session: Session, owner: str, vote_id: str) -> VoteRow:
    row = session.get(VoteRow, vote_id)
    if row is None or row.owner != owner:
        raise NotFound(f"There is no vote with the id {vote_id}.")
    return row


def _chosen(query: Select[Any], owner: str, wanted: Wanted) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = [VoteRow.owner == owner, VoteRow.deleted_at.is_(None)]
    if wanted.contestant is not None:
        either = (VoteRow.contestant_a, VoteRow.contestant_b)
        conditions.append(or_(*(column == wanted.contestant for column in either)))
    if wanted.person is not None:
        conditions.append(VoteRow.person == wanted.person)
    if wanted.prompt_set_id is not None:
        conditions.append(VoteRow.prompt_set_id == wanted.prompt_set_id)
    if wanted.since is not None:
        conditions.append(VoteRow.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(VoteRow.at < wanted.until)
    if wanted.is_blind is not None:
        conditions.append(VoteRow.blind.is_(wanted.is_blind))
    return query.where(*conditions)
