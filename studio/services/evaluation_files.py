"""The table of answers as a file: CSV that no spreadsheet executes, or lines of JSON."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from storage import audit
from storage.audit import Action
from storage.evaluations import Evaluation
from studio.services import evaluations, names
from studio.services.evaluations import Question
from studio.services.studio import Studio

Kind = Literal["csv", "jsonl"]

_BOM = b"\xef\xbb\xbf"  # without it spreadsheets take the text for an older encoding
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
_AT_ONCE = 100  # questions read at a time


@dataclass(frozen=True)
class File:
    """A file that is made while it is read."""

    name: str
    blocks: Iterator[bytes]


def export(studio: Studio, owner: str, evaluation_id: str, kind: Kind) -> File:
    """Return all questions with the answers that are there. Raises NotFound."""
    found = evaluations.get(studio, owner, evaluation_id)
    told = {"name": found.name, "format": kind}
    audit.noted(studio.database, owner, Action.EXPORTED, found.id, told)
    pages = _questions(studio, found)
    blocks = _table(found, pages) if kind == "csv" else (_line(found, each) for each in pages)
    return File(names.for_download(found.name, f".{kind}"), blocks)


def inert(text: str) -> str:
    """Return a cell's text so that a spreadsheet takes it for text, with its lines as they are.

    What begins like a formula, blanks apart, gets an apostrophe in front; numbers do not.
    """
    plain = text.replace("\0", "")
    begins = plain.lstrip(" \n").startswith(_FORMULA)
    return f"'{plain}" if begins and not _NUMBER.fullmatch(plain) else plain


def _questions(studio: Studio, found: Evaluation) -> Iterator[Question]:
    for start in range(0, found.questions, _AT_ONCE):
        yield from evaluations.questions(studio, found.owner, found.id, (start, _AT_ONCE)).questions


def _table(found: Evaluation, questions: Iterable[Question]) -> Iterator[bytes]:
    """One row a question; a column for each contestant, one more where answers are expected."""
    with_expected = any(one.get("expected") for one in found.prompts)
    expected = ["expected"] if with_expected else []
    yield _BOM + _row(["question", *expected, *_columns(found.titles)])
    for one in questions:
        texts = [answer.text if answer else "" for answer in one.answers]
        yield _row([one.text, *([one.expected] if with_expected else []), *texts])


def _columns(titles: list[str]) -> list[str]:
    """Return a name for each contestant; of those called the same, with its place."""
    return [
        title if titles.count(title) == 1 else f"{title} ({place})"
        for place, title in enumerate(titles, 1)
    ]


def _row(cells: Iterable[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow([inert(cell) for cell in cells])
    return text.getvalue().encode()


def _line(found: Evaluation, one: Question) -> bytes:
    expected = {"expected": one.expected} if one.expected else {}
    told = {"question": one.text, **expected, "answers": list(_answers(found, one))}
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _answers(found: Evaluation, one: Question) -> Iterator[dict[str, Any]]:
    sides = zip(found.contestants, found.titles, one.answers, strict=True)
    for contestant, title, answer in sides:
        said = {"text": answer.text, "ended": answer.ended, **answer.facts} if answer else None
        yield {"contestant": contestant, "title": title, "answer": said}
