"""What may be said of a conversation: where a vote is blind, not who stands on which side.

Before the vote nothing that is given away here says it: no name, no id, no hash of a model, no pace
and no count of tokens. What remains of the facts are the ones a person reads under any answer:
turns left out and words of the safety rules.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from storage.conversation_lists import Line
from storage.exchanges import Answer, Round, Whole

LABELS: Final = ("A", "B", "C", "D")
"""What the sides are called."""

FAILED: Final = "This side could not answer. Why would say who it is; ask again, or vote."

_OPEN_FACTS: Final = ("dropped_turns", "verdicts")
_OPEN_IN_VERDICT: Final = ("action", "words", "side")


@dataclass(frozen=True)
class Who:
    """A contestant and what a person calls it."""

    name: str
    title: str


@dataclass(frozen=True)
class ToldAnswer:
    """An answer; `sha256` is None where it is not known, or hidden."""

    text: str
    ended: str
    facts: dict[str, Any]
    sha256: str | None
    corrected: str | None
    mark: str | None
    note: str | None
    at: datetime


@dataclass(frozen=True)
class ToldSide:
    """A side of a round; `contestant` and `title` are None while they are hidden."""

    side: int
    label: str
    contestant: str | None
    title: str | None
    answer: ToldAnswer | None


@dataclass(frozen=True)
class ToldRound:
    """A round; `hidden`: who stands on which side is said after the vote."""

    number: int
    prompt: str
    system: str
    sampling: dict[str, Any]
    at: datetime
    voted: bool
    hidden: bool
    sides: list[ToldSide]


@dataclass(frozen=True)
class Told:
    """A conversation; `contestants` is None while who stands where is hidden."""

    id: str
    name: str
    created_at: datetime
    changed_at: datetime
    blind: bool
    system: str
    sampling: dict[str, Any]
    prompt_set_id: str | None
    contestants: list[Who] | None
    rounds: list[ToldRound]

    def round(self, number: int) -> ToldRound:
        """Return a round that is there."""
        return next(one for one in self.rounds if one.number == number)


def told(whole: Whole, titles: dict[str, str]) -> Told:
    """Return what may be said of a conversation; `titles` are by the contestants' names."""
    about = whole.conversation
    who = [Who(name, titles.get(name, name)) for name in about.contestants]
    return Told(
        id=about.id,
        name=about.name,
        created_at=about.created_at,
        changed_at=about.changed_at,
        blind=about.blind,
        system=about.system,
        sampling=about.sampling,
        prompt_set_id=about.prompt_set_id,
        contestants=None if whole.is_hidden else who,
        rounds=[_round(whole, one, titles) for one in whole.rounds],
    )


def is_hidden(whole: Whole, number: int) -> bool:
    """Tell whether it must not be said yet who stands on which side of a round. Raises NotFound."""
    return whole.conversation.blind and not whole.round(number).voted


def facts(found: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of an answer that do not tell who gave it."""
    kept: dict[str, Any] = {name: found[name] for name in _OPEN_FACTS if name in found}
    if "verdicts" in kept:
        kept["verdicts"] = [
            {name: one[name] for name in _OPEN_IN_VERDICT if name in one}
            for one in kept["verdicts"]
        ]
    return {**kept, "error": FAILED} if found.get("error") else kept


def line(given: Line, titles: dict[str, str]) -> Line:
    """Return a line of the list with the contestants' titles; without any while hidden."""
    shown = [] if given.is_hidden else [titles.get(name, name) for name in given.contestants]
    return given.model_copy(update={"contestants": shown})


def rows(whole: Whole) -> Iterator[dict[str, Any]]:
    """Give a row of data for each contestant, its conversation as `messages`.

    Of a blind conversation each round is a row of its own. `studio` says whose answers they are,
    how they were asked for and what the person thought of them.
    """
    if whole.conversation.blind:
        for one in whole.rounds:
            for side in range(len(one.order)):
                yield from _row(whole, [(one, side)])
        return
    names = dict.fromkeys(name for one in whole.rounds for name in one.order)
    for name in names:
        places = [(one, one.order.index(name)) for one in whole.rounds if name in one.order]
        yield from _row(whole, places)


def _row(whole: Whole, places: list[tuple[Round, int]]) -> Iterator[dict[str, Any]]:
    """Give one row; none where nothing was answered."""
    said = [(one, answer) for one, side in places if (answer := whole.answer(one.number, side))]
    said = [(one, answer) for one, answer in said if answer.text]
    if not said:
        return
    last, answer = said[-1]
    hidden = is_hidden(whole, last.number)
    messages = whole.messages(last.number, answer.side)
    yield {
        "messages": [*messages, {"role": "assistant", "content": answer.text}],
        "studio": {
            "conversation": whole.conversation.id,
            "name": whole.conversation.name,
            "contestant": None if hidden else answer.contestant,
            "title": LABELS[answer.side] if hidden else answer.title,
            "sha256": None if hidden else answer.sha256,
            "answers": [_judged(one, each, hidden=hidden) for one, each in said],
        },
    }


def _judged(asked: Round, answer: Answer, *, hidden: bool) -> dict[str, Any]:
    shown = asdict(_answer(answer, hidden=hidden))
    del shown["text"], shown["sha256"]
    return {"round": asked.number, "sampling": asked.sampling, **shown}


def _round(whole: Whole, one: Round, titles: dict[str, str]) -> ToldRound:
    hidden = is_hidden(whole, one.number)
    shown = None if hidden else titles
    return ToldRound(
        number=one.number,
        prompt=one.prompt,
        system=one.system,
        sampling=one.sampling,
        at=one.at,
        voted=one.voted,
        hidden=hidden,
        sides=[_side(whole, one, side, shown) for side in range(len(one.order))],
    )


def _side(whole: Whole, one: Round, side: int, titles: dict[str, str] | None) -> ToldSide:
    answer = whole.answer(one.number, side)
    name = one.order[side]
    return ToldSide(
        side=side,
        label=LABELS[side],
        contestant=None if titles is None else name,
        title=None if titles is None else titles.get(name, name),
        answer=None if answer is None else _answer(answer, hidden=titles is None),
    )


def _answer(answer: Answer, *, hidden: bool) -> ToldAnswer:
    return ToldAnswer(
        text=answer.text,
        ended=answer.ended,
        facts=facts(answer.facts) if hidden else answer.facts,
        sha256=None if hidden else answer.sha256,
        corrected=answer.corrected,
        mark=answer.mark,
        note=answer.note,
        at=answer.at,
    )
