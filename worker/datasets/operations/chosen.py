"""Turns judged answers into conversations: of a pair the better one, of single ones the good."""

from pathlib import Path

import orjson

from storage.errors import StudioError
from storage.operations import Chosen
from worker.datasets.operations.stream import (
    NAMES,
    Lines,
    Report,
    Row,
    line_of,
    target_of,
    told,
)

_ANSWER = {"preference": "chosen", "labelled": "completion"}


def chosen(_operation: Chosen, parents: list[Path], _scratch: Path, report: Report) -> Lines:
    """A conversation for each better or good answer; tools and the exam's mark are kept.

    Raises:
        StudioError: the rows carry no judgement.
    """
    (folder,) = parents
    target = target_of(folder)
    if target not in _ANSWER:
        raise StudioError(
            f"The rows are {NAMES[target]}, so no answer is better than another.",
            "Choose a dataset of preference pairs or of labelled answers.",
        )
    for line in told(folder, report):
        row = orjson.loads(line)
        if row.get("label", True):
            yield line_of(_conversation(row, _ANSWER[target]))


def _conversation(row: Row, answer: str) -> Row:
    kept = {name: row[name] for name in ("tools", "split") if name in row}
    return {"messages": row["prompt"] + row[answer]} | kept
