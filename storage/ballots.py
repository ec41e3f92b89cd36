"""Votes are cast: on two finished answers to the same prompt, once a person, a pair and a round."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import audit, conversations, ids, votes
from storage.audit import Action
from storage.conversation_tables import AnswerRow, PromptSetRow, VoteRow
from storage.database import Database
from storage.errors import NotFound, StudioError
from storage.exchanges import Answer, Mark, Whole
from storage.tables import now
from storage.votes import Outcome, Vote

UNFINISHED = ("error", "")
"""So ended an answer that cannot be judged: nobody knows what it would have been."""


@dataclass(frozen=True)
class Pair:
    """Two sides of a round and what a person thinks of their answers."""

    side_a: int
    side_b: int
    outcome: Outcome


@dataclass(frozen=True)
class Ballot:
    """What a person says to a round.

    Attributes:
        conversation_id: the conversation.
        number: of the round.
        pairs: of its sides; several come from one choice among more than two answers.
        reason: in the person's words, or nothing.
        marks: of answers, by side, as they were given together with the vote.
    """

    conversation_id: str
    number: int
    pairs: tuple[Pair, ...]
    reason: str = ""
    marks: Mapping[int, Mark | None] = field(default_factory=dict)


def cast(database: Database, owner: str, person: str, ballot: Ballot) -> list[Vote]:
    """Keep a person's votes on the answers of a round; an earlier one on the same pair goes.

    Raises:
        NotFound: there is no such conversation, round or answer.
        StudioError: the two are not two finished answers to the same prompt.
    """
    whole = conversations.whole(database, owner, ballot.conversation_id)
    told = [_told(whole, ballot, pair) for pair in ballot.pairs]
    with database.write() as session:
        earlier = _of_round(session, whole, ballot.number)
        is_blind = whole.conversation.blind and not earlier
        _mark(session, whole, ballot)
        prompt_set_id = _set_of(session, whole, ballot.number)
        rows = [
            VoteRow(
                id=ids.new("vote"),
                owner=owner,
                person=person,
                conversation_id=ballot.conversation_id,
                number=ballot.number,
                outcome=pair.outcome,
                reason=ballot.reason,
                blind=is_blind,
                prompt_set_id=prompt_set_id,
                told=what,
                **_columns(what),
            )
            for pair, what in zip(ballot.pairs, told, strict=True)
        ]
        _replace(earlier, person, rows)
        session.add_all(rows)
        session.flush()
        for row in rows:
            audit.note(session, person, Action.VOTED, row.id, votes.told_of(row))
        return [Vote.model_validate(row) for row in rows]


def prompt_hash(messages: list[dict[str, str]]) -> str:
    """Return the hash that stands for a conversation up to and with a prompt."""
    return hashlib.sha256(orjson.dumps(messages)).hexdigest()


def _told(whole: Whole, ballot: Ballot, pair: Pair) -> dict[str, Any]:
    """Return what a vote says of two answers; raises where they cannot be compared."""
    asked = whole.round(ballot.number)
    a, b = (_answer(whole, ballot.number, side) for side in (pair.side_a, pair.side_b))
    if a.contestant == b.contestant:
        raise StudioError("A vote compares the answers of two contestants.", "Name two sides.")
    messages = whole.messages(ballot.number, pair.side_a)
    if messages != whole.messages(ballot.number, pair.side_b):
        raise StudioError(
            "These two answered after different conversations, so they cannot be compared.",
            "Vote on the first question of a conversation, or blind: there each question "
            "stands alone.",
        )
    marks = ballot.marks
    return {
        "messages": messages,
        "sampling": asked.sampling,
        "a": _side(a, marks.get(pair.side_a, a.mark)),
        "b": _side(b, marks.get(pair.side_b, b.mark)),
    }


def _answer(whole: Whole, number: int, side: int) -> Answer:
    found = whole.answer(number, side)
    if found is None:
        raise NotFound(f"Side {side} of question {number} has no answer yet.", "Wait until it has.")
    if found.ended in UNFINISHED or not found.text.strip():
        raise StudioError(
            "One of the two answers is empty or was broken off by an error.",
            "Let it be answered again, then vote.",
        )
    return found


def _side(answer: Answer, mark: str | None) -> dict[str, Any]:
    names = ("contestant", "title", "sha256", "text", "corrected", "note", "ended")
    return {name: getattr(answer, name) for name in names} | {"mark": mark}


def _columns(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "contestant_a": told["a"]["contestant"],
        "contestant_b": told["b"]["contestant"],
        "sha256_a": told["a"]["sha256"],
        "sha256_b": told["b"]["sha256"],
        "prompt_sha256": prompt_hash(told["messages"]),
    }


def _of_round(session: Session, whole: Whole, number: int) -> list[VoteRow]:
    """Return all votes on a round as it stands there now, also those taken back."""
    query = select(VoteRow).where(
        VoteRow.conversation_id == whole.conversation.id,
        VoteRow.number == number,
        VoteRow.at >= whole.round(number).at,
    )
    return list(session.scalars(query))


def _set_of(session: Session, whole: Whole, number: int) -> str | None:
    """Return the conversation's set of prompts where this prompt is one of it."""
    kept = session.get(PromptSetRow, whole.conversation.prompt_set_id or "")
    texts = {str(one["text"]).strip() for one in kept.prompts} if kept else set()
    return kept.id if kept and whole.round(number).prompt.strip() in texts else None


def _replace(earlier: Iterable[VoteRow], person: str, rows: list[VoteRow]) -> None:
    """Take back what this person has said of the same pairs before."""
    pairs = {votes.pair_of(row) for row in rows}
    for row in earlier:
        if row.person == person and votes.pair_of(row) in pairs and row.deleted_at is None:
            row.deleted_at = now()


def _mark(session: Session, whole: Whole, ballot: Ballot) -> None:
    for side, mark in ballot.marks.items():
        found = whole.answer(ballot.number, side)
        if found is None:
            raise NotFound(f"Side {side} of question {ballot.number} has no answer yet.")
        session.get_one(AnswerRow, found.id).mark = mark
