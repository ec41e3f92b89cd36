"""The leaderboard over HTTP."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from studio.advice.verdicts import Level
from studio.api.person import Here, Person
from studio.api.votes import Which
from studio.services import leaderboard
from studio.services.leaderboard import Group, Place

router = APIRouter(tags=["votes"])


class PlaceAnswer(BaseModel):
    """A contestant on the board.

    `low` and `high` are the ends of the rating's 95 % interval. They are null where it is open: who
    has won all has no `high`. The yardstick has 1000 points by definition and neither. `early`: its
    votes are too few to go by.
    """

    name: str
    title: str
    rating: float
    low: float | None
    high: float | None
    votes: int
    wins: int
    losses: int
    ties: int
    bad: int
    yardstick: bool
    early: bool


class RemarkAnswer(BaseModel):
    """What the votes say of two neighbours; `level`: sure, quite_sure, alike or early."""

    model_config = ConfigDict(from_attributes=True)

    a: str
    b: str
    level: Level
    words: str
    more: int | None


class GroupAnswer(BaseModel):
    """Contestants that votes connect, the best first, and a remark on each two neighbours."""

    places: list[PlaceAnswer]
    remarks: list[RemarkAnswer]


class MeetingAnswer(BaseModel):
    """How often a has won against b, lost, neither; `bad`: both answers were."""

    model_config = ConfigDict(from_attributes=True)

    a: str
    b: str
    wins: int
    losses: int
    ties: int
    bad: int


class LeaderboardAnswer(BaseModel):
    """Ratings by group; those of different groups cannot be compared.

    `votes` count for the ratings, `bad` for nobody. `left_out`: votes on earlier weights of the
    same name. `persons` and `sets` (id and name) are what can be filtered by.
    """

    groups: list[GroupAnswer]
    meetings: list[MeetingAnswer]
    votes: int
    bad: int
    left_out: int
    persons: list[str]
    sets: list[tuple[str, str]]


@router.get("/leaderboard")
def show(studio: Here, owner: Person, which: Which) -> LeaderboardAnswer:
    """Rate the contestants by the votes that are wanted."""
    found = leaderboard.board(studio, owner, which)
    return LeaderboardAnswer(
        groups=[_group(each) for each in found.groups],
        meetings=[MeetingAnswer.model_validate(each) for each in found.meetings],
        votes=found.votes,
        bad=found.bad,
        left_out=found.left_out,
        persons=found.persons,
        sets=found.sets,
    )


def _group(group: Group) -> GroupAnswer:
    remarks = [RemarkAnswer.model_validate(each) for each in group.remarks]
    return GroupAnswer(places=[_place(each) for each in group.places], remarks=remarks)


def _place(place: Place) -> PlaceAnswer:
    one = place.standing
    return PlaceAnswer(
        name=one.name,
        title=place.title,
        rating=one.rating,
        low=one.low,
        high=one.high,
        votes=place.votes,
        wins=one.wins,
        losses=one.losses,
        ties=one.ties,
        bad=one.bad,
        yardstick=one.is_yardstick,
        early=place.is_early,
    )
