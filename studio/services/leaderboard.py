"""The leaderboard: who answers better by a person's votes, how sure that is, and who met whom."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from storage import contestants, prompt_sets, votes
from storage.votes import Cast, Wanted
from studio.advice import ratings, verdicts
from studio.advice.ratings import Duel, Standing
from studio.advice.verdicts import FEWEST, Level, Verdict
from studio.services.studio import Studio
from studio.words import say


@dataclass(frozen=True)
class Place:
    """A contestant on the board; `is_early`: its votes are too few to go by."""

    standing: Standing
    title: str
    votes: int
    is_early: bool


@dataclass(frozen=True)
class Remark:
    """What the votes say of two neighbours, in words; `more`: votes that are missing, if any."""

    a: str
    b: str
    level: Level
    words: str
    more: int | None


@dataclass(frozen=True)
class Group:
    """Contestants that votes connect, the best first."""

    places: list[Place]
    remarks: list[Remark]


@dataclass(frozen=True)
class Meeting:
    """How often a has won against b, lost, neither, and how often both were bad."""

    a: str
    b: str
    wins: int
    losses: int
    ties: int
    bad: int


@dataclass(frozen=True)
class Leaderboard:
    """Ratings of the votes that are wanted.

    Attributes:
        groups: of contestants; ratings of different groups cannot be compared.
        meetings: of every pair that has votes, once.
        votes: that count for the ratings.
        bad: votes that found both bad; they count for nobody.
        left_out: votes on earlier weights under the same name, which are not the contestant's.
        persons: who has voted, whichever votes are wanted.
        sets: id and name of the sets of prompts that votes belong to, likewise.
    """

    groups: list[Group]
    meetings: list[Meeting]
    votes: int
    bad: int
    left_out: int
    persons: list[str]
    sets: list[tuple[str, str]]


def board(studio: Studio, owner: str, wanted: Wanted) -> Leaderboard:
    """Return the leaderboard of the votes that are wanted."""
    found = votes.cast_ones(studio.database, owner, wanted)
    everything = votes.cast_ones(studio.database, owner)
    current = _current(found)
    titles = _titles(studio, owner, current)
    meetings = _meetings(current)
    duels = [Duel(one.contestant_a, one.contestant_b, one.outcome) for one in current]
    originals = {name for name in titles if name.startswith("base:")}
    bad = sum(meeting.bad for meeting in meetings.values())
    return Leaderboard(
        groups=[_group(group, titles, meetings) for group in ratings.rate(duels, originals)],
        meetings=list(meetings.values()),
        votes=len(current) - bad,
        bad=bad,
        left_out=len(found) - len(current),
        persons=sorted({one.person for one in everything}),
        sets=_sets(studio, owner, everything),
    )


def _current(found: Sequence[Cast]) -> list[Cast]:
    """Return the votes on the weights that each name stands for now, by its newest vote."""
    newest: dict[str, str | None] = {}
    for one in found:
        newest |= {one.contestant_a: one.sha256_a, one.contestant_b: one.sha256_b}
    return [
        one
        for one in found
        if newest[one.contestant_a] == one.sha256_a and newest[one.contestant_b] == one.sha256_b
    ]


def _titles(studio: Studio, owner: str, found: Iterable[Cast]) -> dict[str, str]:
    """Return what contestants are called: as they are now, else as they were at the last vote."""
    known = {
        one.name: one.title for one in contestants.all_of(studio.database, studio.artifacts, owner)
    }
    names = {name for one in found for name in (one.contestant_a, one.contestant_b)}
    return {name: known.get(name) or votes.title_of(studio.database, owner, name) for name in names}


def _meetings(found: Iterable[Cast]) -> dict[tuple[str, str], Meeting]:
    """Return the meetings by pair, the names of a pair in their order."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    swapped = {"a": "b", "b": "a"}
    for one in found:
        pair, outcome = (one.contestant_a, one.contestant_b), one.outcome
        if pair[0] > pair[1]:
            pair, outcome = (pair[1], pair[0]), swapped.get(outcome, outcome)
        counts.setdefault(pair, Counter())[outcome] += 1
    return {
        pair: Meeting(*pair, *(count[outcome] for outcome in ("a", "b", "tie", "bad")))
        for pair, count in sorted(counts.items())
    }


def _group(
    standings: Sequence[Standing],
    titles: dict[str, str],
    meetings: dict[tuple[str, str], Meeting],
) -> Group:
    counted = [one.wins + one.losses + one.ties for one in standings]
    places = [
        Place(one, titles[one.name], count, count < FEWEST)
        for one, count in zip(standings, counted, strict=True)
    ]
    remarks = [_remark(a, b, meetings) for a, b in pairwise(places)]
    return Group(places, remarks)


def _remark(a: Place, b: Place, meetings: dict[tuple[str, str], Meeting]) -> Remark:
    """Say who of two neighbours is better, by their own votes alone."""
    names = (a.standing.name, b.standing.name)
    met = meetings.get((min(names), max(names)))
    if met is None or met.wins + met.losses + met.ties == 0:
        return Remark(*names, "early", say("leader.never_met", a=a.title, b=b.title), None)
    wins, losses = (met.wins, met.losses) if names[0] == met.a else (met.losses, met.wins)
    found = verdicts.between(wins, losses, met.ties)
    better, other = (a, b) if found.better >= 0 else (b, a)
    words = say(
        _key(found),
        better=better.title,
        other=other.title,
        won=max(wins, losses),
        of=wins + losses,
        more=found.more,
    )
    ties = f" {_ties(met.ties)}" if met.ties else ""
    return Remark(*names, found.level, words + ties, found.more)


_SAID: dict[Level, str] = {
    "sure": "leader.sure",
    "quite_sure": "leader.quite_sure",
    "alike": "leader.alike",
    "early": "leader.early",
}


def _key(found: Verdict) -> str:
    if found.level == "early" and found.more is None:
        return "leader.level"
    return _SAID[found.level]


def _ties(count: int) -> str:
    return say("leader.ties", n=count) if count > 1 else say("leader.tie")


def _sets(studio: Studio, owner: str, everything: Iterable[Cast]) -> list[tuple[str, str]]:
    used = {one.prompt_set_id for one in everything}
    kept = prompt_sets.all_of(studio.database, owner)
    return [(one.id, one.name) for one in kept if one.id in used]
