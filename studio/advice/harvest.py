"""What people think of answers becomes rows to learn from, and what gives none, with the reason.

Preference pairs come of votes for one of two answers, and of corrections: the corrected text is
better than the answer. Judged answers come of marks, and of votes where wished: what won is good,
what lost is bad, and both of a pair that was found bad. Conversations come of corrections.
What several people said of the same is counted together; where they do not agree, nothing is made.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

Kind = Literal["preference", "kto", "sft"]

Reason = Literal["tie", "bad", "empty", "same", "disagree", "again", "unmarked", "unchanged"]
"""Why something gives no row. empty: so is the text. again: another row says the same."""

Turns = Sequence[dict[str, str]]
Row = dict[str, Any]

GOOD = ("good", "pass")
"""Marks of good answers; all others are of bad ones."""


@dataclass(frozen=True)
class Voted:
    """A vote on two answers to the same messages; `outcome`: a, b, tie or bad."""

    messages: Turns
    a: str
    b: str
    outcome: str


@dataclass(frozen=True)
class Judged:
    """An answer that a person has marked, corrected, or both."""

    messages: Turns
    text: str
    mark: str | None = None
    corrected: str | None = None


@dataclass
class Harvest:
    """Rows, and how many things gave none, by reason."""

    rows: list[Row] = field(default_factory=list)
    left: Counter[Reason] = field(default_factory=Counter)

    def leave(self, reason: Reason, count: int = 1) -> None:
        """Count what gives no row."""
        if count:
            self.left[reason] += count


def preference(votes: Iterable[Voted], judged: Iterable[Judged]) -> Harvest:
    """Return pairs: `messages`, `chosen`, `rejected`."""
    found = Harvest()
    won: dict[str, Counter[str]] = {}
    about: dict[str, Voted] = {}
    for vote in votes:
        reason = _no_pair(vote)
        if reason:
            found.leave(reason)
            continue
        key = _key(vote.messages, *sorted((vote.a, vote.b)))
        about[key] = vote
        won.setdefault(key, Counter())[vote.a if vote.outcome == "a" else vote.b] += 1
    for key, wins in won.items():
        one = about[key]
        _agreed(found, wins[one.a], wins[one.b], _pair_maker(one.messages, one.a, one.b))
    _correct(found, judged)
    return found


def with_exam(rows: Sequence[Row]) -> list[Row]:
    """Mark the rows of a tenth of the questions for the exam, of one at least where there are two.

    So that few rows have an exam too, and no question is both learned and examined. Which ones is
    decided by the questions alone: the same rows give the same data.
    """
    questions = [_question(row) for row in rows]
    known = sorted(set(questions))
    count = max(1, len(known) // _QUESTIONS_TO_ONE) if len(known) > 1 else 0
    examined = set(known[:count])
    return [
        row | ({"split": "test"} if question in examined else {})
        for row, question in zip(rows, questions, strict=True)
    ]


_QUESTIONS_TO_ONE = 10


def _question(row: Row) -> str:
    """Return the hash of what is answered."""
    answered = -1 if row["messages"][-1]["role"] == "assistant" else None
    return sha256(_key(row["messages"][:answered]).encode()).hexdigest()


def _no_pair(vote: Voted) -> Reason | None:
    if vote.outcome not in ("a", "b"):
        return "tie" if vote.outcome == "tie" else "bad"
    return "same" if vote.a.strip() == vote.b.strip() else None


def _correct(found: Harvest, judged: Iterable[Judged]) -> None:
    for one in judged:
        if one.corrected is None:
            continue
        if one.corrected.strip() in ("", one.text.strip()) or not one.text.strip():
            found.leave("unchanged")
        else:
            found.rows.append(_pair(one.messages, one.corrected, one.text))


def kto(votes: Iterable[Voted], judged: Iterable[Judged]) -> Harvest:
    """Return judged answers: `messages`, the answer last, and `label`. A mark outweighs votes."""
    found = Harvest()
    marks: dict[str, Counter[bool]] = {}
    said: dict[str, Counter[bool]] = {}
    about: dict[str, tuple[Turns, str]] = {}
    for one in judged:
        if one.mark is None:
            found.leave("unmarked")
        elif not one.text.strip():
            found.leave("empty")
        else:
            _count(marks, about, one.messages, one.text, one.mark in GOOD)
    for vote in votes:
        if vote.outcome == "tie":
            found.leave("tie")
            continue
        for text, side in ((vote.a, "a"), (vote.b, "b")):
            _count(said, about, vote.messages, text, vote.outcome == side)
    for key, (messages, text) in about.items():
        counts = marks.get(key) or said[key]
        _agreed(found, counts[True], counts[False], _label_maker(messages, text))
    return found


def sft(judged: Iterable[Judged]) -> Harvest:
    """Return conversations: `messages`, the corrected answer last."""
    found, known = Harvest(), set()
    for one in judged:
        if one.corrected is None:
            continue
        key = _key(one.messages, one.corrected)
        if not one.corrected.strip():
            found.leave("empty")
        elif key in known:
            found.leave("again")
        else:
            known.add(key)
            answer = {"role": "assistant", "content": one.corrected}
            found.rows.append({"messages": [*one.messages, answer]})
    return found


def _key(messages: Turns, *texts: str) -> str:
    return json.dumps([list(messages), texts])


def _count(
    counts: dict[str, Counter[bool]],
    about: dict[str, tuple[Turns, str]],
    messages: Turns,
    text: str,
    is_good: bool,
) -> None:
    key = _key(messages, text)
    about[key] = (messages, text)
    counts.setdefault(key, Counter())[is_good] += 1


def _agreed(found: Harvest, one: int, other: int, row: Callable[[bool], Row]) -> None:
    """Add the row that most say; the others say the same again, or are outvoted."""
    if one == other:
        found.leave("disagree", one + other)
        return
    found.rows.append(row(one > other))
    found.leave("again", max(one, other) - 1)
    found.leave("disagree", min(one, other))


def _pair_maker(messages: Turns, a: str, b: str) -> Callable[[bool], Row]:
    return lambda first: _pair(messages, a, b) if first else _pair(messages, b, a)


def _label_maker(messages: Turns, text: str) -> Callable[[bool], Row]:
    answer = {"role": "assistant", "content": text}
    return lambda good: {"messages": [*messages, answer], "label": good}


def _pair(messages: Turns, chosen: str, rejected: str) -> Row:
    return {"messages": list(messages), "chosen": chosen, "rejected": rejected}
