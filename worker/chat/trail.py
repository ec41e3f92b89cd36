"""Every question to a model is noted in the audit trail, with what the safety rules found.

An answer is begun at once and noted meanwhile, so that nobody waits for both; none of it is passed
on before the note is on disk. A question that cannot be noted is refused in words.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from storage import audit, audit_rules, contestant_weights, contestants
from storage.artifacts import Artifacts
from storage.audit import Action
from storage.database import Database
from storage.errors import NotFound
from worker.chat.answers import Answer, Models
from worker.chat.exchange import Ending, Event
from worker.chat.protocol import ChatRequest, Fault

log = structlog.get_logger()

_TOLD = ("rule", "topic", "action", "side")
"""What the trail holds of a verdict."""


class InTrail:
    """Models whose questions are noted; whoever guards them stands inside."""

    def __init__(self, models: Models, database: Database, files: Artifacts, owner: str) -> None:
        """Starts and closes `models` with itself."""
        self._models, self._database, self._files, self._owner = models, database, files, owner

    async def start(self) -> None:
        """Starts the models."""
        await self._models.start()

    async def close(self) -> None:
        """Closes the models."""
        await self._models.close()

    def health(self) -> dict[str, Any]:
        """What the models say."""
        return self._models.health()

    async def listed(self) -> list[dict[str, Any]]:
        """Everyone."""
        return await self._models.listed()

    async def one(self, name: str) -> dict[str, Any]:
        """The one of that name; raises Fault or StudioError."""
        return await self._models.one(name)

    async def ask(self, asked: ChatRequest) -> list[Answer]:
        """Begins the answers and notes the question.

        Raises:
            Fault: as the models have it; also where the question could not be noted.
            StudioError: as the models have it.
        """
        answers = await self._models.ask(asked)
        try:
            number = await run_in_threadpool(self._noted, asked, answers)
        except BaseException as error:
            for answer in answers:
                answer.cancel()
            if isinstance(error, SQLAlchemyError):
                raise _not_noted(error, "Nothing was answered.") from error
            raise
        return [_Noted(answer, self._database, (self._owner, asked.model), number)
                for answer in answers]  # fmt: skip

    def _noted(self, asked: ChatRequest, answers: Sequence[Answer]) -> int:
        """Note a question; returns the number of the entry."""
        weights = contestant_weights.sha256(self._database, self._files, self._owner, asked.model)
        facts = answers[0].facts
        told = {
            "name": self._title(asked.model),
            "weights_sha256": weights,
            "profile": facts["profile"],
            "verdicts": _shortened(facts["verdicts"]),
            "cached": facts["cached"],
            "answers": len(answers),
        }
        with self._database.write() as session:
            question = audit_rules.question(audit_rules.of(session), asked.conversation())
            given = {**told, **question}
            return audit.note(session, self._owner, Action.ASKED, asked.model, given).number

    def _title(self, model: str) -> str | None:
        """What the studio calls it; nothing of a model on another server."""
        try:
            return contestants.find(self._database, self._files, self._owner, model).title
        except NotFound:
            return None


class _Noted:
    """An answer; what the rules find in it is noted before its end is told."""

    def __init__(
        self, answer: Answer, database: Database, about: tuple[str, str], number: int
    ) -> None:
        self.facts = answer.facts
        self._answer, self._database = answer, database
        self._actor, self._model = about
        self._number = number
        self._known = len(answer.facts["verdicts"])

    async def next(self) -> Event:
        """The answer's next event; raises Fault."""
        event = await self._answer.next()
        if isinstance(event, Ending) and self._has_more():
            try:
                await run_in_threadpool(self._note, event.reason)
            except SQLAlchemyError as error:
                raise _not_noted(error, "Do not rely on this answer.") from error
        return event

    def cancel(self) -> None:
        """Ends the answer; what was found until then is noted."""
        self._answer.cancel()
        if self._has_more():
            asyncio.get_running_loop().run_in_executor(None, self._note_cancelled)

    def _has_more(self) -> bool:
        return len(self.facts["verdicts"]) > self._known

    def _note(self, ended: str) -> None:
        found = list(self.facts["verdicts"][self._known :])
        told = {"question": self._number, "ended": ended, "profile": self.facts["profile"]}
        given = {**told, "verdicts": _shortened(found)}
        audit.noted(self._database, self._actor, Action.JUDGED, self._model, given)
        self._known += len(found)

    def _note_cancelled(self) -> None:
        try:
            self._note("cancelled")
        except SQLAlchemyError as error:
            log.error("verdicts_not_noted", question=self._number, reason=type(error).__name__)


def _shortened(verdicts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: each.get(name) for name in _TOLD} for each in verdicts]


def _not_noted(error: SQLAlchemyError, what: str) -> Fault:
    reason = error.orig if isinstance(error, DBAPIError) else type(error).__name__
    log.error("question_not_noted", reason=str(reason))  # never what was asked
    return Fault(
        503,
        f"The question could not be written into the audit trail. {what} "
        "The disk may be full: make room, then ask again.",
        code="not_noted",
    )
