"""Safety profiles in force: what is asked is checked before any model is, the answer on its way.

Whoever may be asked, the studio's own models or another server's, is asked through here. Nothing in
a request switches it off; under a profile that cannot be read nothing is answered.
"""

from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

from storage.errors import StudioError
from worker.chat import protocol
from worker.chat.answers import Answer, Models
from worker.chat.exchange import Ending, Event, Piece, Usage
from worker.chat.guards import Guards
from worker.chat.prompts import TemplateFailed
from worker.chat.protocol import ChatRequest
from worker.safety.answer_stream import AnswerStream
from worker.safety.guard import Guard
from worker.safety.verdicts import Asked, Message


class InCare:
    """Models that are asked under the profiles in force."""

    def __init__(self, models: Models, guards: Guards) -> None:
        """Starts and closes `models` with itself."""
        self._models, self._guards = models, guards

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
        """Everyone, each with the id of its profile."""
        uses = await run_in_threadpool(self._guards.uses)
        return [uses.told(model) for model in await self._models.listed()]

    async def one(self, name: str) -> dict[str, Any]:
        """The one of that name, with the id of its profile; raises Fault or StudioError."""
        uses = await run_in_threadpool(self._guards.uses)
        return uses.told(await self._models.one(name))

    async def ask(self, asked: ChatRequest) -> list[Answer]:
        """Begins the answers; a question that a rule blocks reaches no model.

        Raises:
            Fault: as the models have it.
            StudioError: also where the profile cannot be used.
        """
        found = await run_in_threadpool(self._guards.of, asked.model)
        if found is None:
            return await self._models.ask(asked)
        profile_id, guard = found
        conversation = asked.conversation()
        told = await run_in_threadpool(guard.asked, conversation)
        if told.refusal is not None:
            await self._models.one(asked.model)  # who is not there does not refuse either
            return [_Refusal(profile_id, guard, told) for _ in range(asked.n)]
        is_first = all(each["role"] != "assistant" for each in conversation)
        return [
            _Checked(answer, profile_id, guard, guard.stream(told, is_first=is_first))
            for answer in await self._begun(asked, told.messages)
        ]

    async def _begun(self, asked: ChatRequest, messages: list[Message]) -> list[Answer]:
        """Asks with the profile's instructions, within the question where none else may be."""
        try:
            return await self._models.ask(_with(asked, messages))
        except TemplateFailed:
            if asked.messages[0].role in ("system", "developer") or len(messages) < 2:
                raise
            first, second, *others = messages
            joined = {**second, "content": f"{first['content']}\n\n{second['content']}"}
            return await self._models.ask(_with(asked, [joined, *others]))


class _Checked:
    """An answer under a profile."""

    def __init__(self, answer: Answer, profile_id: str, guard: Guard, stream: AnswerStream) -> None:
        self._answer, self._guard, self._stream = answer, guard, stream
        opening = stream.open()  # a notice does not wait for a model to be loaded
        self._waiting: list[Event] = [Piece(opening)] if opening else []
        self.facts = answer.facts
        self.facts |= _facts(profile_id, guard)
        self.facts["verdicts"] = stream.verdicts  # grows with the answer

    async def next(self) -> Event:
        """The next event that may be shown; raises Fault."""
        while not self._waiting:
            self._waiting = await self._allowed(await self._answer.next())
        return self._waiting.pop(0)

    def cancel(self) -> None:
        """Ends the writing."""
        self._answer.cancel()

    async def _allowed(self, event: Event) -> list[Event]:
        try:
            text = await self._taken(event)
        except StudioError as error:
            self._answer.cancel()
            raise protocol.fault_of(error) from error
        shown: list[Event] = [Piece(text)] if text else []
        if self._stream.blocked:
            self._answer.cancel()
            usage = event.usage if isinstance(event, Ending) else Usage(0)
            return [*shown, Ending("content_filter", usage)]
        if isinstance(event, Ending):
            target = self._guard.profile.readability
            self.facts["readability"] = {"ease": self._stream.ease, "target": target}
            shown.append(event)
        return shown

    async def _taken(self, event: Event) -> str:
        """What may be shown after an event; a classifier takes long enough to hold others up."""
        if self._guard.profile.classifier is None:
            return self._feed(event)
        return await run_in_threadpool(self._feed, event)

    def _feed(self, event: Event) -> str:
        return self._stream.finish() if isinstance(event, Ending) else self._stream.feed(event.text)


class _Refusal:
    """The profile's words in place of an answer."""

    def __init__(self, profile_id: str, guard: Guard, told: Asked) -> None:
        found = {"verdicts": told.verdicts}
        self.facts: dict[str, Any] = protocol.facts(None) | _facts(profile_id, guard) | found
        self._events: list[Event] = [
            Piece(told.refusal or ""),
            Ending("content_filter", Usage(0)),
        ]

    async def next(self) -> Event:
        """The words, then the ending."""
        return self._events.pop(0)

    def cancel(self) -> None:
        """There is nothing to end."""


def _facts(profile_id: str, guard: Guard) -> dict[str, Any]:
    return {"profile": profile_id, "profile_name": guard.profile.name}


def _with(asked: ChatRequest, messages: Sequence[Message]) -> ChatRequest:
    """The same request with another conversation."""
    told = {**asked.model_dump(exclude_unset=True), "messages": list(messages)}
    return ChatRequest.model_validate(told)
