"""Next to label: the question of a set on which a vote tells most of two contestants.

Where no two are named, the questions come in the order of the set.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from storage import asked_prompts, evaluations, prompt_sets, votes
from storage.evaluations import Answer, Kind
from storage.votes import Wanted
from studio.advice import next_prompt
from studio.advice.next_prompt import Basis, Candidate
from studio.services.studio import Studio
from studio.words import say


@dataclass(frozen=True)
class Next:
    """The question to vote on next.

    Attributes:
        text: of the question; None where there is none left.
        number: its place in the set, from 0.
        basis: what speaks for it.
        why: that in a sentence.
        left: questions of the set that nobody has voted on for these two.
        of: questions of the set.
    """

    text: str | None
    number: int | None
    basis: Basis
    why: str
    left: int
    of: int


def find(
    studio: Studio,
    owner: str,
    prompt_set_id: str,
    names: Collection[str],
    skip: Collection[int] = (),
) -> Next:
    """Return the question to vote on next for these contestants; `skip`: not these numbers.

    Raises:
        NotFound: there is no such set of that owner.
    """
    prompts = [
        one["text"] for one in prompt_sets.get(studio.database, owner, prompt_set_id).prompts
    ]
    done = _voted(studio, owner, names)
    left = [number for number, text in enumerate(prompts) if text.strip() not in done]
    known = _answers(studio, owner, names)
    asked = _asked(studio, owner, prompt_set_id, names)
    candidates = [
        _candidate(number, known.get(prompts[number], {}), prompts[number].strip() in asked)
        for number in left
        if number not in skip
    ]
    choice = next_prompt.choose(candidates)
    text = None if choice.number is None else prompts[choice.number]
    why = say(_WHY[choice.basis], percent=choice.percent)
    return Next(text, choice.number, choice.basis, why, len(left), len(prompts))


_PAIR = 2

_WHY: dict[Basis, str] = {
    "differ": "next.differ",
    "unsure": "next.unsure",
    "order": "next.order",
    "same": "next.same",
    "again": "next.again",
    "done": "next.done",
}


def _voted(studio: Studio, owner: str, names: Collection[str]) -> set[str]:
    """Return the questions that anybody has voted on for these two, wherever they were put."""
    if len(names) != _PAIR:
        return set()
    found = votes.all_of(studio.database, owner, Wanted(contestant=next(iter(names))))
    return {
        one.told["messages"][-1]["content"].strip()
        for one in found
        if {one.contestant_a, one.contestant_b} == set(names)
    }


def _asked(studio: Studio, owner: str, prompt_set_id: str, names: Collection[str]) -> set[str]:
    """Return the questions that were put to all of these together."""
    found = asked_prompts.of_set(studio.database, owner, prompt_set_id)
    return {text.strip() for text, asked in found if asked.issuperset(names)}


def _answers(studio: Studio, owner: str, names: Collection[str]) -> dict[str, dict[str, Answer]]:
    """Return what the two have answered in evaluations, by question and name, the newest."""
    found: dict[str, dict[str, Answer]] = {}
    for line in reversed(evaluations.all_of(studio.database, owner, Kind.ANSWERS)):
        sides = {number: name for number, name in enumerate(line.contestants) if name in names}
        if not sides:
            continue
        prompts: list[dict[str, Any]] = evaluations.get(studio.database, owner, line.id).prompts
        for answer in evaluations.answers(studio.database, line.id):
            if answer.side in sides and answer.text.strip():
                by_name = found.setdefault(prompts[answer.number]["text"], {})
                by_name[sides[answer.side]] = answer
    return found


def _candidate(number: int, known: dict[str, Answer], is_asked: bool) -> Candidate:
    texts = [one.text for one in known.values()]
    share = next_prompt.in_common(*texts) if len(texts) == _PAIR else None
    sure = [one.facts["sure"] for one in known.values() if one.facts.get("sure") is not None]
    return Candidate(number, share, min(sure, default=None), is_asked)
