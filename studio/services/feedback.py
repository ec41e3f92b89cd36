"""Votes, marks and corrections become datasets, by the way that every file goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from storage import marked_answers, votes
from storage.datasets import Dataset
from storage.errors import StudioError
from storage.operations import Written
from storage.votes import Wanted
from studio.advice import harvest
from studio.advice.harvest import Harvest, Judged, Kind, Reason, Voted
from studio.services import datasets, names
from studio.services.studio import Studio
from studio.words import say

FIRST: Final = 3
"""So many rows are shown before they become data."""

_CALLED: Final[dict[Kind, str]] = {
    "preference": "feedback.called.preference",
    "kto": "feedback.called.kto",
    "sft": "feedback.called.sft",
}

_REASONS: Final[dict[Reason, str]] = {
    "tie": "feedback.left.tie",
    "bad": "feedback.left.bad",
    "same": "feedback.left.same",
    "disagree": "feedback.left.disagree",
    "again": "feedback.left.again",
    "unmarked": "feedback.left.unmarked",
    "unchanged": "feedback.left.unchanged",
    "empty": "feedback.left.empty",
}


@dataclass(frozen=True)
class Source:
    """What data is to be made of.

    Attributes:
        kind: preference pairs, judged answers, or corrected conversations.
        wanted: which votes.
        with_votes: judged answers come of votes too, not of marks alone.
    """

    kind: Kind
    wanted: Wanted = field(default_factory=Wanted)
    with_votes: bool = False


@dataclass(frozen=True)
class Left:
    """Why so many votes, marks or corrections give no row, in words."""

    reason: Reason
    count: int
    words: str


@dataclass(frozen=True)
class Preview:
    """What data would come of it: how many rows, the first ones, and what gives none."""

    rows: int
    first: list[dict[str, Any]]
    left: list[Left]


def preview(studio: Studio, owner: str, source: Source) -> Preview:
    """Say what data would come of what this person has said of answers."""
    found = _harvest(studio, owner, source)
    left = [
        Left(reason, found.left[reason], say(words, n=found.left[reason]))
        for reason, words in _REASONS.items()
        if found.left[reason]
    ]
    return Preview(len(found.rows), found.rows[:FIRST], left)


def make(studio: Studio, owner: str, source: Source, name: str = "") -> Dataset:
    """Make a dataset; the worker reads it like any other. The same rows give the same dataset.

    Raises:
        StudioError: there is nothing to learn from yet.
    """
    found = _harvest(studio, owner, source)
    if not found.rows:
        raise StudioError(
            "Nothing that was said of answers gives a row of this kind yet.",
            "Vote, mark or correct answers in the playground, then come back.",
        )
    shown = names.tidy(name, say(_CALLED[source.kind]))
    return datasets.receive(studio, owner, shown, _lines(harvest.with_exam(found.rows)), Written())


def _harvest(studio: Studio, owner: str, source: Source) -> Harvest:
    if source.kind == "sft":
        return harvest.sft(_judged(studio, owner))
    voted = [] if source.kind == "kto" and not source.with_votes else _voted(studio, owner, source)
    make_rows = harvest.preference if source.kind == "preference" else harvest.kto
    return make_rows(voted, _judged(studio, owner))


def _voted(studio: Studio, owner: str, source: Source) -> list[Voted]:
    """Return the votes, oldest first, so that the rows stand in that order."""
    found = reversed(votes.all_of(studio.database, owner, source.wanted))
    return [
        Voted(one.told["messages"], one.told["a"]["text"], one.told["b"]["text"], one.outcome)
        for one in found
    ]


def _judged(studio: Studio, owner: str) -> list[Judged]:
    return [
        Judged(one.messages, one.answer.text, one.answer.mark, one.answer.corrected)
        for one in marked_answers.all_of(studio.database, owner)
    ]


def _lines(rows: Iterable[dict[str, Any]]) -> Iterable[bytes]:
    return (orjson.dumps(row) + b"\n" for row in rows)
