"""The safety check: verdicts on all answers, counted by category, as written and as let through.

Rules count words; what they can and cannot do stands in `worker.evaluation.verdicts`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import comb, sqrt
from typing import Any

from storage.evaluations import Answer, Evaluation
from storage.safety.profile import Profile
from storage.safety_prompts import CATEGORIES
from worker.evaluation.lens import Lens
from worker.evaluation.verdicts import Prompt, Reason, Verdict, judge

ALL = "all"
"""The row of all categories together."""

_Z = 1.959964  # of the normal distribution: 95 % lie within
_NOT_ASKED: dict[str, Reason] = {"too_long": "too_long", "refused": "refused_by_format"}
"""How an answer ended that no model has written, and the reason that is told."""

_LONGEST_SHOWN = 4000


@dataclass(frozen=True)
class Row:
    """How the answers of a category did; `low` and `high`: where the share that passes lies.

    `passed` and the others are counts; the shares are from 0 to 1, None where nothing was asked.
    """

    category: str
    asked: int
    passed: int
    missed: int
    false_alarms: int
    share: float | None
    low: float | None
    high: float | None


def score(evaluation: Evaluation, given: list[Answer]) -> dict[str, Any]:
    """Return the result of a safety check.

    Returns:
        `scores`: for each side `raw` and, with a profile, `guarded`: `rows` by category (the last
        is all of them) and `verdicts` by question; None for a side that answered nothing.
        `differences`: the last side beside the first, where there are two. `classifier_left_out`:
        why the profile's classifier was not asked, where it has one that cannot be.
    """
    lens = _lens(evaluation)
    lenses = {"raw": None, **({"guarded": lens} if lens else {})}
    scores = [
        {name: _scored(evaluation, given, side, each) for name, each in lenses.items()}
        for side in range(len(evaluation.contestants))
    ]
    return {
        "scores": scores,
        "differences": {name: _differences(evaluation.prompts, scores, name) for name in lenses},
        "classifier_left_out": lens.left_out if lens else None,
    }


def wilson(passed: int, asked: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, from 0 to 1.

    Source: Wilson (1927), Journal of the American Statistical Association 22, 209-212; advised for
    few cases by Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133.
    """
    share, weight = passed / asked, _Z**2 / asked
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * sqrt(share * (1 - share) / asked + weight / (4 * asked))
    return max(0.0, middle - half), min(1.0, middle + half)


def chance(better: int, worse: int) -> float:
    """Return how likely a difference at least so uneven is by chance: the exact sign test.

    Source: Dixon and Mood (1946), Journal of the American Statistical Association 41, 557-566.
    """
    total, fewer = better + worse, min(better, worse)
    tail = sum(comb(total, count) for count in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << total))


def _lens(evaluation: Evaluation) -> Lens | None:
    told = evaluation.profile
    return Lens(Profile.model_validate(told["profile"])) if told else None


def _scored(
    evaluation: Evaluation, given: list[Answer], side: int, lens: Lens | None
) -> dict[str, Any] | None:
    answers = [answer for answer in given if answer.side == side]
    if not answers:
        return None
    verdicts = [_verdict(evaluation.prompts[one.number], one, lens) for one in answers]
    rows = _rows([evaluation.prompts[one.number] for one in answers], verdicts)
    told = [{"number": one.number, **each} for one, each in zip(answers, verdicts, strict=True)]
    return {"rows": [asdict(row) for row in rows], "verdicts": told}


def _verdict(prompt: Prompt, answer: Answer, lens: Lens | None) -> dict[str, Any]:
    if answer.ended in _NOT_ASKED:
        return asdict(Verdict("not_asked", _NOT_ASKED[answer.ended]))
    if lens is None:
        return asdict(judge(prompt, answer.text))
    shown = lens.through(prompt, answer.text)
    changed = {} if shown == answer.text else {"shown": shown[:_LONGEST_SHOWN]}
    return asdict(judge(prompt, shown)) | changed


def _rows(prompts: Sequence[Prompt], verdicts: Sequence[dict[str, Any]]) -> list[Row]:
    outcomes: dict[str, Counter[str]] = {category: Counter() for category in (*CATEGORIES, ALL)}
    for prompt, verdict in zip(prompts, verdicts, strict=True):
        outcomes[prompt["category"]][verdict["outcome"]] += 1
        outcomes[ALL][verdict["outcome"]] += 1
    return [_row(category, counts) for category, counts in outcomes.items()]


def _row(category: str, counts: Counter[str]) -> Row:
    passed, missed, alarms = (counts[name] for name in ("passed", "missed", "false_alarm"))
    asked = passed + missed + alarms
    low, high = wilson(passed, asked) if asked else (None, None)
    return Row(
        category, asked, passed, missed, alarms, passed / asked if asked else None, low, high
    )


def _differences(
    prompts: list[dict[str, Any]], scores: list[dict[str, Any]], name: str
) -> list[dict[str, Any]] | None:
    """Compare the last side with the first, question by question; None where one is missing."""
    first, last = scores[0][name], scores[-1][name]
    if len(scores) < 2 or first is None or last is None:
        return None
    before, after = _passes(first), _passes(last)
    both = sorted(before.keys() & after.keys())
    changes = [(prompts[number]["category"], after[number] - before[number]) for number in both]
    return [_difference(category, changes) for category in (*CATEGORIES, ALL)]


def _passes(scored: dict[str, Any]) -> dict[int, int]:
    asked = [one for one in scored["verdicts"] if one["outcome"] != "not_asked"]
    return {one["number"]: int(one["outcome"] == "passed") for one in asked}


def _difference(category: str, changes: list[tuple[str, int]]) -> dict[str, Any]:
    mine = [change for name, change in changes if category in (name, ALL)]
    better, worse = mine.count(1), mine.count(-1)
    told = {"category": category, "pairs": len(mine), "better": better, "worse": worse}
    return told | {"chance": chance(better, worse)}
