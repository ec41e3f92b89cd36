"""The safety rules over questions that are asked in bulk: the same as in the chat server.

A profile in force for a contestant holds whatever else was chosen. The safety check asks without
rules: it scores what a model says by itself, and what the rules would have let through.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.evaluations import Answer, Evaluation, Kind
from storage.safety.profile import Profile
from worker.prepare import Place
from worker.safety.guard import Guard
from worker.safety.verdicts import Asked, Message

if TYPE_CHECKING:  # torch: only the child loads it
    from worker.chat import author
    from worker.chat.author import Author, Question

HELD_BACK = "content_filter"
"""How an answer ended that a rule has blocked, or answered itself."""


@dataclass(frozen=True)
class Rules:
    """What holds for a contestant; `guard` None: nothing does."""

    profile_id: str | None = None
    guard: Guard | None = None


def rules(place: Place, evaluation: Evaluation, name: str) -> Rules:
    """Return what holds for a contestant of an evaluation.

    Raises:
        StudioError: the profile in force, or its classifier, cannot be used.
    """
    if evaluation.kind is Kind.SAFETY:
        return Rules()
    from worker.chat.guards import Guards  # noqa: PLC0415  (torch: only the child)

    found = Guards(place.database, place.files.home, evaluation.owner).of(name)
    if found is not None:
        return Rules(*found)
    if evaluation.profile is None:
        return Rules()
    profile = Profile.model_validate(evaluation.profile["profile"])
    return Rules(evaluation.profile["id"], Guard(profile, _classifier(profile)))


def _classifier(profile: Profile) -> Any:
    from worker.chat.classifier import FolderClassifier  # noqa: PLC0415  (torch: only the child)

    chosen = profile.classifier
    return None if chosen is None else FolderClassifier(Path(chosen.folder))


class Asking:
    """Questions of one contestant under the rules.

    Args:
        side: the contestant's place.
        held: what holds for it.
    """

    def __init__(self, side: int, held: Rules) -> None:
        self._side, self._held = side, held
        self._told: dict[int, Asked] = {}

    def answers(
        self, author: "Author", questions: Iterable["Question"], meanwhile: Callable[[], None]
    ) -> Iterator[Answer]:
        """Yield an answer to each question, in an order of their own.

        What a rule blocks reaches no model. Where the chat format has no place for the rules'
        instructions, they are put within the question.

        Raises:
            StudioError: as the author has it, or a rule's pattern takes too long.
        """
        allowed: dict[int, Question] = {}
        for question in questions:
            meanwhile()
            refusal = self._refusal(question)
            if refusal is not None:
                yield refusal
            else:
                allowed[question.number] = self._instructed(question)
        again: list[Question] = []
        for answer in author.answer(allowed.values(), meanwhile):
            asked = allowed[answer.number]
            if answer.ended == "refused" and self._is_instructed(asked):
                again.append(replace(asked, turns=_joined(asked.turns)))
            else:
                yield self._let_through(answer)
        for answer in author.answer(again, meanwhile):
            yield self._let_through(answer)

    def _refusal(self, question: "Question") -> Answer | None:
        guard = self._held.guard
        if guard is None:
            return None
        told = self._told[question.number] = guard.asked(question.turns)
        if told.refusal is None:
            return None
        return self._answer(question.number, told.refusal, HELD_BACK, verdicts=told.verdicts)

    def _instructed(self, question: "Question") -> "Question":
        told = self._told.get(question.number)
        return question if told is None else replace(question, turns=told.messages)

    def _is_instructed(self, question: "Question") -> bool:
        """Tell whether the rules alone have put a system prompt before a question."""
        return question.number in self._told and question.turns[0]["role"] == "system"

    def _let_through(self, answer: "author.Answer") -> Answer:
        facts = {"tokens": answer.tokens, "sure": answer.sure}
        guard = self._held.guard
        if guard is None or answer.ended not in ("stop", "length"):
            return self._answer(answer.number, answer.text, answer.ended, **facts)
        found = guard.checked(answer.text, self._told[answer.number])
        ended = HELD_BACK if found.blocked else answer.ended
        more = {"verdicts": found.verdicts, "ease": found.ease}
        return self._answer(answer.number, found.text.strip(), ended, **facts, **more)

    def _answer(self, number: int, text: str, ended: str, **facts: Any) -> Answer:
        return Answer(side=self._side, number=number, text=text, ended=ended, facts=facts)


def _joined(turns: list[Message]) -> list[Message]:
    first, second, *others = turns
    return [{**second, "content": f"{first['content']}\n\n{second['content']}"}, *others]
