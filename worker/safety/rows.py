"""Training rows held against a safety profile: what a model would learn against the rules."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from storage import rows
from storage.safety.profile import Profile
from worker.datasets.care.content import Row, Turn
from worker.datasets.care.progress import Progress, Report
from worker.safety.guard import Guard
from worker.safety.verdicts import Verdict

CHECKED: Final = 20_000
"""Rows, evenly spaced, that are looked at in a large dataset."""
LARGE: Final = 100_000  # rows

_SAMPLES: Final = 20
_SHOWN: Final = 200  # characters of what was found


@dataclass
class _Tally:
    verdict: Verdict
    rows: int = 0
    samples: list[dict[str, Any]] = field(default_factory=list)


def check(folder: Path, profile: Profile, report: Report) -> dict[str, Any]:
    """Look for every rule in every row: in questions those for input, in answers those for output.

    The profile's classifier is not asked: it is loaded in the chat server only.

    Args:
        folder: the prepared rows.
        profile: whose rules.
        report: gets the share done and words about four times a second; may raise to cancel.

    Returns:
        `profile`: its name; `rows`: all, `checked`: of them, `found`: rows that break a rule;
        `rules`: for each that was found `rule`, `title`, `action`, `side`, `rows`, `samples` (row
        from 0, line of the person's file, text).

    Raises:
        TooSlow: a pattern takes too long on a row.
    """
    total, checked, broken = rows.count(folder), 0, 0
    guard = Guard(profile.model_copy(update={"classifier": None}))
    tallies: dict[tuple[str, str], _Tally] = {}
    progress = Progress(report, 0.0, 1.0)
    for number, row in enumerate(rows.iterate(folder)):
        if not _is_checked(number, total):
            continue
        checked += 1
        found = _found(guard, row)
        broken += bool(found)
        for key, (verdict, text) in found.items():
            _add(tallies.setdefault(key, _Tally(verdict)), number, row, text)
        progress.tell(number, total, f"{number + 1:,} of {total:,} rows looked at")
    return {
        "profile": profile.name,
        "rows": total,
        "checked": checked,
        "found": broken,
        "rules": [_told(each) for each in sorted(tallies.values(), key=lambda one: -one.rows)],
    }


def _found(guard: Guard, row: Row) -> dict[tuple[str, str], tuple[Verdict, str]]:
    """Return the rules that a row breaks, each once a side."""
    found: dict[tuple[str, str], tuple[Verdict, str]] = {}
    for side, text in _said(row):
        for verdict, part in guard.found(text, side):
            found.setdefault((side, verdict["rule"]), (verdict, part))
    return found


def _said(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the texts of a row with the side that they are on."""
    if "text" in row:
        yield "output", row["text"]
        return
    turns: list[Turn] = [
        *(row.get("messages") or ()),
        *(row.get("prompt") or ()),
        *(row.get("chosen") or ()),
        *(row["completion"] if row.get("label") else ()),  # the others are told apart as bad
    ]
    for turn in turns:
        if turn["content"]:
            yield "output" if turn["role"] == "assistant" else "input", turn["content"]


def _add(tally: _Tally, number: int, row: Row, text: str) -> None:
    tally.rows += 1
    if len(tally.samples) < _SAMPLES:
        tally.samples.append({"row": number, "line": row["line"], "text": text[:_SHOWN]})


def _told(tally: _Tally) -> dict[str, Any]:
    names = ("rule", "title", "action", "side")
    kept = {name: tally.verdict[name] for name in names}  # type: ignore[literal-required]
    return {**kept, "rows": tally.rows, "samples": tally.samples}


def _is_checked(number: int, total: int) -> bool:
    if total <= LARGE:
        return True
    return (number + 1) * CHECKED // total > number * CHECKED // total
