"""Votes on answers: cast on two of them or on the best of several, listed, taken back."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from storage import ballots, conversations, votes
from storage.ballots import UNFINISHED, Ballot, Pair
from storage.errors import StudioError
from storage.exchanges import Answer, Mark
from storage.votes import Outcome, Vote, Wanted
from studio.services import forms
from studio.services.studio import Studio

LONGEST_REASON = 4000
"""Characters."""


class _Judged(BaseModel):
    model_config = ConfigDict(extra="forbid")

    conversation_id: str
    number: int
    reason: str = Field("", max_length=LONGEST_REASON)
    marks: dict[int, Mark | None] = {}


class OfTwo(_Judged):
    """A vote on two sides of a round."""

    side_a: int
    side_b: int
    outcome: Outcome


class OfAll(_Judged):
    """A vote on all sides of a round: one is the `best`, or all are alike, or all bad.

    `best` is a side, where the outcome is best, and None else.
    """

    outcome: Literal["best", "tie", "bad"]
    best: int | None = None


@dataclass(frozen=True)
class Named:
    """Votes that were cast, and all answers of their round: now it may be said who gave which."""

    votes: list[Vote]
    answers: list[Answer]


def cast(studio: Studio, owner: str, values: object) -> Named:
    """Keep a vote on two answers; one on the same pair of the same person is replaced.

    Raises:
        Refused: with every fault at once, by field.
        NotFound: there is no such conversation, round or answer.
        StudioError: the two cannot be compared.
    """
    read = forms.read(OfTwo.model_validate, values, "vote")
    return _keep(studio, owner, read, [Pair(read.side_a, read.side_b, read.outcome)])


def cast_on_all(studio: Studio, owner: str, values: object) -> Named:
    """Keep a choice among all answers of a round as votes on its pairs, all or none of them.

    The best has won against each of the others, of whom nothing is said among themselves: with
    first choices alone Bradley-Terry strengths are estimated consistently (rank breaking by the
    first place; Azari Soufiani, Chen, Parkes and Xia, 2013). Answers that are empty or were broken
    off stay out.

    Raises:
        Refused, NotFound, StudioError: as `cast`; or there are not two answers.
    """
    read = forms.read(OfAll.model_validate, values, "vote")
    sides = [one.side for one in _answers(studio, owner, read) if _is_whole(one)]
    if read.outcome == "best":
        if read.best not in sides:
            raise StudioError("The best answer is none of those that are there.")
        won = (Outcome.A, [(read.best, side) for side in sides if side != read.best])
    else:
        won = (Outcome(read.outcome), list(combinations(sides, 2)))
    outcome, pairs = won
    if not pairs:
        raise StudioError("A vote needs two answers.", "Let them be answered, then vote.")
    return _keep(studio, owner, read, [Pair(a, b, outcome) for a, b in pairs])


def listing(studio: Studio, owner: str, wanted: Wanted, most: int | None = None) -> list[Vote]:
    """Return the votes that are wanted, or the newest of them; newest first."""
    return votes.all_of(studio.database, owner, wanted, most)


def count(studio: Studio, owner: str, wanted: Wanted) -> int:
    """Return how many votes are wanted."""
    return votes.count(studio.database, owner, wanted)


def get(studio: Studio, owner: str, vote_id: str) -> Vote:
    """Return one vote, also one that was taken back. Raises NotFound."""
    return votes.get(studio.database, owner, vote_id)


def take_back(studio: Studio, owner: str, vote_id: str) -> None:
    """Take a vote back; `give_again` brings it back. Raises NotFound."""
    votes.take_back(studio.database, owner, vote_id)


def give_again(studio: Studio, owner: str, vote_id: str) -> Vote:
    """Bring a vote back. Raises NotFound; StudioError where there is a newer one on the pair."""
    return votes.give_again(studio.database, owner, vote_id)


def _keep(studio: Studio, owner: str, read: _Judged, pairs: list[Pair]) -> Named:
    marks: dict[int, Any] = read.marks
    ballot = Ballot(read.conversation_id, read.number, tuple(pairs), _clean(read.reason), marks)
    kept = ballots.cast(studio.database, owner, owner, ballot)
    return Named(kept, _answers(studio, owner, read))


def _clean(reason: str) -> str:
    """Return the words without the character that some databases cannot hold in a text."""
    return reason.replace("\x00", "\ufffd").strip()


def _answers(studio: Studio, owner: str, read: _Judged) -> list[Answer]:
    whole = conversations.whole(studio.database, owner, read.conversation_id)
    return [one for one in whole.answers if one.number == whole.round(read.number).number]


def _is_whole(answer: Answer) -> bool:
    return answer.ended not in UNFINISHED and bool(answer.text.strip())
