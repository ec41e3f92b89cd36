"""Probe prompts: what the model of a run answered to them, before its first step and on the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.orm import Session

from storage import events, leases
from storage.database import Database
from storage.tables import ProbeAnswerRow, RunRow


@dataclass(frozen=True)
class Answer:
    """What was answered.

    Attributes:
        step: steps that lay behind the model; 0: what it began with.
        prompt: number of the prompt in the run's settings, from 0.
        answer: the text; it ends with an ellipsis where it was cut off.
        at: when.
    """

    step: int
    prompt: int
    answer: str
    at: datetime


def keep(
    database: Database, run_id: str, attempt: int, step: int, answers: Mapping[int, str]
) -> None:
    """Keep the answers after a step, by number of the prompt; a second time changes nothing.

    Raises:
        Superseded: a newer attempt has taken over; the writer must stop.
    """
    with database.write() as session:
        leases.guard(session, RunRow, run_id, attempt)
        there = set(session.scalars(_numbers(run_id, step)))
        rows = [
            {"run_id": run_id, "step": step, "prompt": number, "answer": text}
            for number, text in answers.items()
            if number not in there
        ]
        if rows:
            session.execute(insert(ProbeAnswerRow), rows)


def are_kept(database: Database, run_id: str, step: int) -> bool:
    """Tell whether the prompts were answered after a step."""
    with database.read() as session:
        return session.scalars(_numbers(run_id, step).limit(1)).first() is not None


def of(database: Database, run_id: str) -> list[Answer]:
    """Return the answers of a run by step, then by prompt."""
    table = ProbeAnswerRow
    query = select(table).where(table.run_id == run_id).order_by(table.step, table.prompt)
    with database.read() as session:
        return [Answer(row.step, row.prompt, row.answer, row.at) for row in session.scalars(query)]


def give_up(database: Database, run_id: str, attempt: int, words: str) -> None:
    """Tell on the run's page why its prompts are answered no more. Raises Superseded."""
    with database.write() as session:
        run = leases.guard(session, RunRow, run_id, attempt)
        events.note(session, run, "no_probe_answers", words)


def forget_after(session: Session, run_id: str, step: int) -> None:
    """Remove the answers of later steps, which a resumed run takes again."""
    later = (ProbeAnswerRow.run_id == run_id, ProbeAnswerRow.step > step)
    session.execute(delete(ProbeAnswerRow).where(*later))


def _numbers(run_id: str, step: int) -> Select[int]:
    return select(ProbeAnswerRow.prompt).where(
        ProbeAnswerRow.run_id == run_id, ProbeAnswerRow.step == step
    )
