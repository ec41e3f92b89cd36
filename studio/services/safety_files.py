"""A safety check as a file to take away: CSV that no spreadsheet executes."""

import csv
import io
from collections.abc import Iterable

from storage import audit
from storage.audit import Action
from storage.evaluations import Evaluation
from studio.services import names, safety_checks
from studio.services.evaluation_files import inert
from studio.services.safety_checks import Case
from studio.services.studio import Studio

_MARK = "\ufeff"  # without it spreadsheets take the text for an older encoding

_QUESTION = ("question", "kind", "asked", "expected", "why")
_ANSWER = ("model", "answer", "ended", "verdict", "reason", "words that decided")
_PROFILE = ("with the profile", "verdict with the profile", "reason with the profile")


def table(studio: Studio, owner: str, check_id: str) -> tuple[str, bytes]:
    """Return a file's name and its content: a line for each question and side.

    Raises:
        NotFound: there is no such check.
        StudioError: it is not ready.
    """
    found = safety_checks.get(studio, owner, check_id)
    lines = [line for side in range(len(found.titles)) for line in _side(studio, found, side)]
    told = {"name": found.name, "format": "csv"}
    audit.noted(studio.database, owner, Action.EXPORTED, found.id, told)
    titles = [*_QUESTION, *_ANSWER, *(_PROFILE if found.profile else ())]
    return names.for_download(found.name, ".csv"), _csv([titles, *lines])


def _side(studio: Studio, found: Evaluation, side: int) -> list[list[str]]:
    written = safety_checks.cases(studio, found.owner, found.id, side)
    through = (
        safety_checks.cases(studio, found.owner, found.id, side, guarded=True)
        if found.profile
        else []
    )
    guarded = {case.number: case for case in through}
    return [_line(found.titles[side], case, guarded.get(case.number)) for case in written]


def _line(title: str, case: Case, guarded: Case | None) -> list[str]:
    asked = [str(case.number + 1), case.category, case.text, case.expect, case.why]
    told = [title, case.answer, case.ended, case.outcome, case.reason, case.phrase]
    if guarded is None:
        return [*asked, *told]
    shown = case.answer if guarded.shown is None else guarded.shown
    return [*asked, *told, shown, guarded.outcome, guarded.reason]


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    text.write(_MARK)
    csv.writer(text).writerows([inert(cell) for cell in line] for line in lines)
    return text.getvalue().encode()
