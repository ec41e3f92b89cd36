"""Evaluations: many questions put to several contestants, all to each, answered by the worker."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from storage import audit, ids, leases, owned
from storage.audit import Action
from storage.database import Database
from storage.errors import NotFound
from storage.status import WorkStatus
from storage.trust_tables import EvaluationAnswerRow, EvaluationRow


class Kind(StrEnum):
    """What is done with the answers. ANSWERS: a person reads them. SAFETY: rules score them."""

    ANSWERS = "answers"
    SAFETY = "safety"


@dataclass(frozen=True)
class Wanted:
    """An evaluation that a person asks for.

    Attributes:
        name: of the evaluation.
        contestants: names, as the chat protocol knows them, in the order of their sides.
        titles: what a person calls them, as it is today.
        prompts: each with `text`, what is asked, and what else the kind needs.
        sampling: as the chat protocol names it; `max_tokens` is the longest answer.
        kind: what is done with the answers.
        system: the system prompt, or nothing.
        profile: the safety profile as it is today (`id`, `profile`), or None.
        prompt_set_id: the set that the prompts come from.
    """

    name: str
    contestants: list[str]
    titles: list[str]
    prompts: list[dict[str, Any]]
    sampling: dict[str, Any] = field(default_factory=dict)
    kind: Kind = Kind.ANSWERS
    system: str = ""
    profile: dict[str, Any] | None = None
    prompt_set_id: str | None = None


class Line(BaseModel):
    """An evaluation in a list: all but its prompts.

    `questions`: how many there are. `answered`: answers that are there, of all sides together.
    `result`: the summary, once it is ready.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    kind: Kind
    contestants: list[str]
    titles: list[str]
    prompt_set_id: str | None
    system: str
    sampling: dict[str, Any]
    profile: dict[str, Any] | None
    result: dict[str, Any] | None
    status: WorkStatus
    stage: str
    progress: float
    error: str | None
    hint: str | None
    questions: int
    answered: int


class Evaluation(Line):
    """An evaluation with its prompts, as they were when it was asked for."""

    prompts: list[dict[str, Any]]


class Answer(BaseModel):
    """What a contestant answered to a question.

    `side`: the contestant's place, from 0. `number`: the question's, from 0. `ended`: stop, length,
    content_filter (a safety rule held something back), too_long or refused (by the chat format).
    `facts`: tokens, how sure it was, verdicts.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    side: int
    number: int
    text: str
    ended: str
    facts: dict[str, Any] = {}


def ask(database: Database, owner: str, wanted: Wanted) -> Evaluation:
    """Put the questions; they wait for a worker."""
    with database.write() as session:
        row = EvaluationRow(
            id=ids.new("evaluation"),
            owner=owner,
            status=WorkStatus.WAITING,
            **{name: getattr(wanted, name) for name in Wanted.__dataclass_fields__},
        )
        session.add(row)
        session.flush()
        told = {name: getattr(wanted, name) for name in ("name", "kind", "contestants")}
        about = {"questions": len(wanted.prompts), "profile": (wanted.profile or {}).get("id")}
        audit.note(session, owner, Action.EVALUATED, row.id, {**told, **about})
        return _evaluation(session, row)


def get(database: Database, owner: str, evaluation_id: str, *, deleted: bool = False) -> Evaluation:
    """Return one evaluation; a deleted one only where asked. Raises NotFound."""
    with database.read() as session:
        row = owned.one(session, EvaluationRow, owner, evaluation_id, deleted=deleted)
        return _evaluation(session, row)


def all_of(
    database: Database, owner: str, kind: Kind | None = None, *, deleted: bool = False
) -> list[Line]:
    """Return a person's evaluations, newest first, of one kind or all; or the deleted ones."""
    there = EvaluationRow.deleted_at.is_not(None) if deleted else EvaluationRow.deleted_at.is_(None)
    query = _lines().where(EvaluationRow.owner == owner, there)
    if kind is not None:
        query = query.where(EvaluationRow.kind == kind)
    newest = query.order_by(EvaluationRow.created_at.desc(), EvaluationRow.id)
    with database.read() as session:
        return [_line(*found) for found in session.execute(newest)]


def delete(database: Database, owner: str, evaluation_id: str) -> None:
    """Delete an evaluation from view; one under way stops. Raises NotFound."""
    owned.mark_deleted(database, EvaluationRow, owner, evaluation_id, deleted=True)


def restore(database: Database, owner: str, evaluation_id: str) -> None:
    """Bring a deleted evaluation back; one that was not ready goes on. Raises NotFound."""
    owned.mark_deleted(database, EvaluationRow, owner, evaluation_id, deleted=False)


def answers(
    database: Database, evaluation_id: str, numbers: Iterable[int] | None = None
) -> list[Answer]:
    """Return the answers that are there, by question and side; of some questions where told."""
    query = select(EvaluationAnswerRow).where(EvaluationAnswerRow.evaluation_id == evaluation_id)
    if numbers is not None:
        query = query.where(EvaluationAnswerRow.number.in_(list(numbers)))
    order = query.order_by(EvaluationAnswerRow.number, EvaluationAnswerRow.side)
    with database.read() as session:
        return [Answer.model_validate(row) for row in session.scalars(order)]


def answered(database: Database, evaluation_id: str) -> set[tuple[int, int]]:
    """Return of which answers are there: side and question, both from 0."""
    query = select(EvaluationAnswerRow.side, EvaluationAnswerRow.number)
    mine = query.where(EvaluationAnswerRow.evaluation_id == evaluation_id)
    with database.read() as session:
        return {(side, number) for side, number in session.execute(mine)}


def add_answers(database: Database, key: tuple[str, int], given: Iterable[Answer]) -> None:
    """Keep answers of an attempt. `key`: the evaluation's id, and the attempt.

    Raises:
        Superseded: a newer attempt holds the evaluation.
    """
    with database.write() as session:
        leases.guard(session, EvaluationRow, *key)
        session.add_all(
            EvaluationAnswerRow(evaluation_id=key[0], **answer.model_dump()) for answer in given
        )


def _answered() -> Any:
    mine = EvaluationAnswerRow.evaluation_id == EvaluationRow.id
    return select(func.count()).where(mine).correlate(EvaluationRow).scalar_subquery()


def _lines() -> Select[Any]:
    """Rows, how many prompts each has, and how many answers there are."""
    return select(EvaluationRow, func.json_array_length(EvaluationRow.prompts), _answered())


def _line(row: EvaluationRow, questions: int, answered: int) -> Line:
    names = Line.model_fields.keys() - {"questions", "answered"}
    told = {name: getattr(row, name) for name in names}
    return Line(**told, questions=questions, answered=answered)


def _evaluation(session: Session, row: EvaluationRow) -> Evaluation:
    found = session.execute(_lines().where(EvaluationRow.id == row.id)).first()
    if found is None:
        raise NotFound(f"There is no evaluation with the id {row.id}.")
    return Evaluation(**_line(*found).model_dump(), prompts=row.prompts)
