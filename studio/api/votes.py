"""Votes over HTTP: cast, list, take back and bring back."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict

from storage.votes import Outcome, Wanted
from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import votes
from studio.services.votes import Named, OfAll, OfTwo

router = APIRouter(prefix="/votes", tags=["votes"])


class VoteAnswer(BaseModel):
    """A vote on two answers to the same prompt, with all that was said; see `told`.

    `told`: `messages` up to and with the prompt, `sampling`, and of each side (`a`, `b`) what stood
    there: contestant, title, sha256 (of the adapter), text, corrected, mark, note, ended.
    """

    model_config = ConfigDict(from_attributes=True)

    id: str
    person: str
    at: datetime
    conversation_id: str | None
    number: int
    contestant_a: str
    contestant_b: str
    outcome: Outcome
    reason: str
    blind: bool
    prompt_set_id: str | None
    told: dict[str, Any]
    deleted_at: datetime | None


class SideAnswer(BaseModel):
    """Who stood on a side of the round."""

    model_config = ConfigDict(from_attributes=True)

    side: int
    contestant: str
    title: str
    sha256: str | None


class NamedAnswer(BaseModel):
    """Votes that were kept, and who stood on which side."""

    votes: list[VoteAnswer]
    sides: list[SideAnswer]


class VotesAnswer(BaseModel):
    """The newest of the votes that are wanted, and how many there are in all."""

    votes: list[VoteAnswer]
    total: int


def wanted(
    contestant: str | None = None,
    person: str | None = None,
    prompt_set: str | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    blind: bool | None = None,
) -> Wanted:
    """Return which votes the address asks for; moments need a zone, as 2026-11-21T00:00:00Z."""
    return Wanted(contestant, person, prompt_set, since, until, blind)


Which = Annotated[Wanted, Depends(wanted)]


@router.post("", status_code=201, openapi_extra=documented(OfTwo.model_json_schema()))
def cast(studio: Here, owner: Person, body: JsonObject) -> NamedAnswer:
    """Vote on two answers of a round; voting again on them replaces the vote."""
    return _named(votes.cast(studio, owner, body))


@router.post("/all", status_code=201, openapi_extra=documented(OfAll.model_json_schema()))
def cast_on_all(studio: Here, owner: Person, body: JsonObject) -> NamedAnswer:
    """Say which answer of a round is the best, or that all are alike or bad."""
    return _named(votes.cast_on_all(studio, owner, body))


@router.get("")
def listing(
    studio: Here, owner: Person, which: Which, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> VotesAnswer:
    """List the votes, newest first."""
    newest = votes.listing(studio, owner, which, limit)
    shown = [VoteAnswer.model_validate(each) for each in newest]
    return VotesAnswer(votes=shown, total=votes.count(studio, owner, which))


@router.get("/{vote_id}")
def details(studio: Here, owner: Person, vote_id: str) -> VoteAnswer:
    """Show one vote."""
    return VoteAnswer.model_validate(votes.get(studio, owner, vote_id))


@router.delete("/{vote_id}", status_code=204)
def take_back(studio: Here, owner: Person, vote_id: str) -> None:
    """Take a vote back."""
    votes.take_back(studio, owner, vote_id)


@router.post("/{vote_id}/restore")
def give_again(studio: Here, owner: Person, vote_id: str) -> VoteAnswer:
    """Bring a vote back that was taken back."""
    return VoteAnswer.model_validate(votes.give_again(studio, owner, vote_id))


def _named(named: Named) -> NamedAnswer:
    return NamedAnswer(
        votes=[VoteAnswer.model_validate(each) for each in named.votes],
        sides=[SideAnswer.model_validate(each) for each in named.answers],
    )
