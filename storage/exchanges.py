"""What stands in a conversation: its rounds, the answers, and what each side is asked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from storage.errors import NotFound

Mark = Literal["good", "bad", "pass", "fail", "harmful"]

MARKS = get_args(Mark)

MOST_SIDES = 4

_Message = dict[str, str]


class Conversation(BaseModel):
    """A conversation as the rest of the studio sees it; see `ConversationRow`."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    owner: str
    name: str
    created_at: datetime
    deleted_at: datetime | None
    contestants: list[str]
    system: str
    sampling: dict[str, Any]
    blind: bool
    prompt_set_id: str | None
    changed_at: datetime


class Round(BaseModel):
    """A prompt and how it was put; `voted`: somebody has judged its answers."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    number: int
    prompt: str
    system: str
    sampling: dict[str, Any]
    order: list[str]
    at: datetime
    voted: bool = False


class Answer(BaseModel):
    """What a side answered; see `AnswerRow`."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    number: int
    side: int
    contestant: str
    title: str
    sha256: str | None
    text: str
    ended: str
    facts: dict[str, Any]
    corrected: str | None
    mark: Mark | None
    note: str | None
    at: datetime


@dataclass(frozen=True)
class Whole:
    """A conversation with its rounds, and of each side's tries the newest."""

    conversation: Conversation
    rounds: list[Round]
    answers: list[Answer]

    @property
    def is_hidden(self) -> bool:
        """Tell whether it must not be said yet who stands on which side of the last round."""
        return self.conversation.blind and not (self.rounds and self.rounds[-1].voted)

    def round(self, number: int) -> Round:
        """Return a round. Raises NotFound."""
        for one in self.rounds:
            if one.number == number:
                return one
        raise NotFound(f"This conversation has no question {number} any more.")

    def answer(self, number: int, side: int) -> Answer | None:
        """Return the newest answer of a side of a round, if there is any."""
        there = (one for one in self.answers if (one.number, one.side) == (number, side))
        return next(there, None)

    def messages(self, number: int, side: int) -> list[_Message]:
        """Return what a side is asked in a round, as the chat protocol has it.

        System prompt, the earlier prompts with that contestant's own answers, the prompt. A round
        that it did not answer is no part. Where votes are blind each prompt stands alone, so that
        what is judged are always two answers to the same.

        Raises:
            NotFound: there is no such round, or no such side of it.
        """
        asked = self.round(number)
        if not 0 <= side < len(asked.order):
            raise NotFound(f"Question {number} has no side {side}.")
        said = [] if self.conversation.blind else self._said_before(asked, asked.order[side])
        system = [{"role": "system", "content": asked.system}] if asked.system else []
        return [*system, *said, {"role": "user", "content": asked.prompt}]

    def _said_before(self, asked: Round, contestant: str) -> list[_Message]:
        found: list[_Message] = []
        for one in (one for one in self.rounds if one.number < asked.number):
            if contestant not in one.order:
                continue
            answer = self.answer(one.number, one.order.index(contestant))
            if answer is not None and answer.text:
                found.append({"role": "user", "content": one.prompt})
                found.append({"role": "assistant", "content": answer.text})
        return found
