"""Conversations: begun, asked, answered and judged; a person finds them again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from storage import ids, owned
from storage.conversation_tables import AnswerRow, ConversationRow, RoundRow, VoteRow
from storage.database import Database
from storage.errors import NotFound
from storage.exchanges import Answer, Conversation, Round, Whole
from storage.tables import now


@dataclass(frozen=True)
class Wanted:
    """A conversation that a person begins; see `ConversationRow`."""

    contestants: list[str]
    name: str = ""
    system: str = ""
    sampling: dict[str, Any] = field(default_factory=dict)
    blind: bool = False
    prompt_set_id: str | None = None


@dataclass(frozen=True)
class Asking:
    """A prompt that a person puts. `from_round`: in the place of this round and all after it."""

    prompt: str
    system: str
    sampling: dict[str, Any]
    from_round: int | None = None


@dataclass(frozen=True)
class Said:
    """What came of asking a side of the round that was put `at` that moment; see `AnswerRow`."""

    conversation_id: str
    number: int
    side: int
    at: datetime
    contestant: str
    title: str
    sha256: str | None
    text: str
    ended: str
    facts: dict[str, Any]


def add(database: Database, owner: str, wanted: Wanted) -> Conversation:
    """Begin a conversation."""
    with database.write() as session:
        row = ConversationRow(id=ids.new("conversation"), owner=owner, **vars(wanted))
        session.add(row)
        session.flush()
        return Conversation.model_validate(row)


def get(database: Database, owner: str, conversation_id: str) -> Conversation:
    """Return a conversation without its rounds. Raises NotFound."""
    with database.read() as session:
        return Conversation.model_validate(
            owned.one(session, ConversationRow, owner, conversation_id)
        )


def whole(database: Database, owner: str, conversation_id: str) -> Whole:
    """Return a conversation with all that was said. Raises NotFound."""
    with database.read() as session:
        return _whole(session, owned.one(session, ConversationRow, owner, conversation_id))


def change(database: Database, owner: str, conversation_id: str, values: dict[str, Any]) -> None:
    """Change columns of a conversation, such as its name. Raises NotFound."""
    with database.write() as session:
        row = owned.one(session, ConversationRow, owner, conversation_id)
        for name, value in values.items():
            setattr(row, name, value)


def ask(database: Database, owner: str, conversation_id: str, asking: Asking) -> Round:
    """Put a prompt to all contestants; in a blind conversation on sides drawn by chance.

    Raises:
        NotFound: there is no such conversation, or no round to put it in the place of.
    """
    with database.write() as session:
        row = owned.one(session, ConversationRow, owner, conversation_id)
        rounds = _rounds(session, conversation_id)
        number = rounds[-1].number + 1 if rounds else 1
        if asking.from_round is not None:
            number = _whole(session, row).round(asking.from_round).number
            _forget_from(session, conversation_id, number)
        order = list(row.contestants)
        if row.blind:
            secrets.SystemRandom().shuffle(order)
        put = RoundRow(
            conversation_id=conversation_id,
            number=number,
            prompt=asking.prompt,
            system=asking.system,
            sampling=asking.sampling,
            order=order,
        )
        session.add(put)
        row.changed_at, row.system, row.sampling = now(), asking.system, asking.sampling
        session.flush()
        return Round.model_validate(put)


def keep(database: Database, said: Said) -> Answer | None:
    """Keep what a side has answered; None where the round was taken back meanwhile."""
    with database.write() as session:
        put = session.get(RoundRow, (said.conversation_id, said.number))
        if put is None or put.at != said.at:
            return None
        values = {name: value for name, value in vars(said).items() if name != "at"}
        row = AnswerRow(id=ids.new("answer"), **values)
        session.add(row)
        session.get_one(ConversationRow, said.conversation_id).changed_at = now()
        session.flush()
        return Answer.model_validate(row)


def judge(
    database: Database,
    owner: str,
    conversation_id: str,
    place: tuple[int, int],
    values: dict[str, Any],
) -> Answer:
    """Change `corrected`, `mark` and `note` of the newest answer at (round, side).

    Raises:
        NotFound: there is no answer.
    """
    with database.write() as session:
        row = owned.one(session, ConversationRow, owner, conversation_id)
        newest = _whole(session, row).answer(*place)
        if newest is None:
            raise NotFound(f"Side {place[1]} of question {place[0]} has no answer yet.")
        answer = session.get_one(AnswerRow, newest.id)
        for name, value in values.items():
            setattr(answer, name, value)
        session.flush()
        return Answer.model_validate(answer)


def titles(database: Database, conversation_ids: Sequence[str]) -> dict[str, str]:
    """Return what the contestants of conversations were called, by name, the newest words."""
    query = select(AnswerRow.contestant, AnswerRow.title).where(
        AnswerRow.conversation_id.in_(conversation_ids)
    )
    with database.read() as session:
        return dict(session.execute(query.order_by(AnswerRow.at)).all())


def _whole(session: Session, row: ConversationRow) -> Whole:
    answers = session.scalars(
        select(AnswerRow).where(AnswerRow.conversation_id == row.id).order_by(AnswerRow.at)
    )
    newest = {(one.number, one.side): one for one in answers}
    return Whole(
        Conversation.model_validate(row),
        _rounds(session, row.id),
        [Answer.model_validate(newest[place]) for place in sorted(newest)],
    )


def _rounds(session: Session, conversation_id: str) -> list[Round]:
    """Return the rounds in order. A vote counts for the round that stood there when it was cast."""
    votes = select(VoteRow.number, func.max(VoteRow.at)).where(
        VoteRow.conversation_id == conversation_id
    )
    voted = dict(session.execute(votes.group_by(VoteRow.number)).all())
    rows = session.scalars(
        select(RoundRow)
        .where(RoundRow.conversation_id == conversation_id)
        .order_by(RoundRow.number)
    )
    return [
        Round.model_validate(row).model_copy(
            update={"voted": row.number in voted and voted[row.number] >= row.at}
        )
        for row in rows
    ]


def _forget_from(session: Session, conversation_id: str, number: int) -> None:
    for table in (AnswerRow, RoundRow):
        session.execute(
            delete(table).where(table.conversation_id == conversation_id, table.number >= number)
        )
