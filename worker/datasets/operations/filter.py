"""Keeps the rows that fulfil every condition."""

from collections.abc import Callable
from pathlib import Path

import orjson

from storage.operations import Filter
from worker.datasets.operations import content
from worker.datasets.operations.stream import Lines, Report, Row, require_number, told

_WHERE: dict[str, Callable[[Row], str]] = {
    "anywhere": content.everything,
    "question": content.question,
    "answer": lambda row: "\n\n".join(content.answers(row)),
    "system": content.system,
}


def keep(operation: Filter, parents: list[Path], _scratch: Path, report: Report) -> Lines:
    """The rows that are kept, as they are; of a pair both answers must have the length asked for.

    Raises:
        StudioError: a row is named that is not there.
    """
    (folder,) = parents
    only = None if operation.rows is None else set(operation.rows)
    dropped = set(operation.without or ())
    for number in (only or set()) | dropped:
        require_number(number, folder)
    for number, line in enumerate(told(folder, report)):
        named = (only is None or number in only) and number not in dropped
        if named and _fulfils(operation, orjson.loads(line)):
            yield line


def _fulfils(operation: Filter, row: Row) -> bool:
    if operation.split is not None and row.get("split", "train") != operation.split:
        return False
    return _has_length(operation, row) and _has_words(operation, row)


def _has_length(operation: Filter, row: Row) -> bool:
    least, most = operation.answer_at_least, operation.answer_at_most
    if least is None and most is None:
        return True
    lengths = content.answer_lengths(row)
    return min(lengths) >= (least or 0) and (most is None or max(lengths) <= most)


def _has_words(operation: Filter, row: Row) -> bool:
    if operation.contains is None and operation.lacks is None:
        return True
    text = _WHERE[operation.where](row).casefold()
    if operation.contains is not None and operation.contains.casefold() not in text:
        return False
    return operation.lacks is None or operation.lacks.casefold() not in text
