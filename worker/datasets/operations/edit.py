"""Changes, deletes and adds single rows."""

from pathlib import Path

import orjson

from storage.errors import StudioError
from storage.mappings import Mapping, Target
from storage.operations import Edit
from worker.datasets.faults import Refusal
from worker.datasets.operations.stream import (
    NAMES,
    Lines,
    Report,
    Row,
    line_of,
    require_number,
    target_of,
    told,
)
from worker.datasets.shapes import read
from worker.datasets.syntax import control_character

NORMAL: dict[str, Mapping] = {
    "chat": Mapping(messages="messages", tools="tools"),
    "text": Mapping(target=Target.TEXT, text="text"),
    "preference": Mapping(
        target=Target.PREFERENCE,
        question=("prompt",),
        chosen="chosen",
        rejected="rejected",
        tools="tools",
    ),
    "labelled": Mapping(
        target=Target.LABELLED, question=("prompt",), answer="completion", label="label"
    ),
}
"""How a normalised row of each target is read."""


def edit(operation: Edit, parents: list[Path], _scratch: Path, report: Report) -> Lines:
    """The rows with the changes made; a changed row keeps its `split` unless it brings one.

    Raises:
        StudioError: a row is named that is not there, or twice, or its new content is of no use.
    """
    (folder,) = parents
    _check_numbers(operation, folder)
    target = target_of(folder)
    changed = {
        change.row: _checked(change.content, target, f"Row {change.row + 1:,}")
        for change in operation.changed
    }
    added = [
        _checked(row, target, f"The new row {place}")
        for place, row in enumerate(operation.added, 1)
    ]
    deleted = set(operation.deleted)
    for number, line in enumerate(told(folder, report)):
        if number in changed:
            yield _changed(line, changed[number])
        elif number not in deleted:
            yield line
    yield from map(line_of, added)


def _check_numbers(operation: Edit, folder: Path) -> None:
    numbers = [change.row for change in operation.changed] + list(set(operation.deleted))
    for number in numbers:
        require_number(number, folder)
    twice = {number for number in numbers if numbers.count(number) > 1}
    if twice:
        raise StudioError(
            f"Row {min(twice) + 1:,} is changed twice, or changed and deleted.",
            "Make one change for each row.",
        )


def _checked(content: Row, target: str, name: str) -> Row:
    """The content as the reading of a file accepts it; by the same rules."""
    try:
        text = orjson.dumps(content).decode()
        clean = read(content, NORMAL[target])
        _refuse_control(text)
    except Refusal as refusal:
        raise StudioError(f"{name}: {refusal}", refusal.hint) from None
    except TypeError:
        raise StudioError(
            f"{name} holds something that is no text.", "Half of an emoji may have been pasted."
        ) from None
    if lost := sorted(content.keys() - clean.keys() - {"split"}):
        raise StudioError(
            f"{name}: {NAMES[target]} have no field '{lost[0]}'.",
            f"The fields are: {', '.join(clean)}.",
        )
    return clean


def _refuse_control(text: str) -> None:
    """Control characters stand in JSON as escapes; reading the file would refuse the row."""
    for text_part in _texts(orjson.loads(text)):
        for letter in text_part:
            if letter < " " and letter not in "\t\n\r\f":
                raise control_character(letter)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _texts(part)]


def _changed(line: bytes, content: Row) -> bytes:
    before = orjson.loads(line)
    side = content.get("split", before.get("split"))
    after = content | {"split": side} if side else content
    return line if after == before else line_of(after)
