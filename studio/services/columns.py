"""Which column of a file is what: the person's answer to the worker's question."""

from typing import Any

from storage import datasets as stored
from storage import mappings
from storage.datasets import Dataset
from storage.errors import Fault, Refused, StudioError
from storage.mappings import Mapping
from studio.services import datasets, forms
from studio.services.studio import Studio
from worker import tasks

_ONE = (
    "messages",
    "answer",
    "system",
    "history",
    "text",
    "chosen",
    "rejected",
    "label",
    "tools",
    "split",
)
"""Parts of a mapping that name one column; `question` may name several."""

_WITH_A_FILE = (None, "hub", "reread")
"""Operations whose dataset is a file of somebody's; None: it was uploaded."""


def answer(
    studio: Studio, owner: str, dataset_id: str, values: dict[str, Any], *, remember: bool = True
) -> Dataset:
    """Say how a file's columns are read; the worker goes on. Remembered for files of this shape.

    Raises:
        NotFound: there is no such dataset of that owner.
        Refused: with every fault at once, by field.
        StudioError: the file has been read already.
    """
    found = datasets.get(studio, owner, dataset_id)
    names = _names(found.question or {})
    faults = _faults(names, values)
    if faults:
        raise Refused([Fault(f"mapping.{field}", words) for field, words in faults.items()])
    signature = mappings.signature(names) if remember and names else None
    changed = stored.answer(studio.database, owner, dataset_id, Mapping(**values), signature)
    studio.doorbell.ring()
    return changed


def look(studio: Studio, owner: str, dataset_id: str) -> dict[str, Any]:
    """Return what the mapping dialog shows of a file, whether the worker has asked or not.

    Returns:
        `columns`, `guess`, `confidence`, `why` and `rows`, as in a dataset's question.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: its rows were made of other datasets, so that there are no columns to choose.
    """
    found = datasets.get(studio, owner, dataset_id)
    if found.question is not None:
        return found.question
    if (found.operation or {}).get("kind") not in _WITH_A_FILE:
        raise StudioError(
            f"{found.name} was made of other data, so it has no columns to choose from.",
            "Open the data that it was made of, and read that differently.",
        )
    question = tasks.columns(stored.original(studio.artifacts.dataset(found.sha256)))
    return question | {"guess": _within(question["guess"], _names(question))}


def preview(studio: Studio, owner: str, dataset_id: str, values: dict[str, Any]) -> dict[str, Any]:
    """Read the first rows of a file with a mapping that is not decided yet.

    Returns:
        `rows`: for each the normalised row or `{"refused": reason}`, none while something is
        missing; `faults`: words by part of the mapping.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: it has no columns to choose from (see `look`).
    """
    question = look(studio, owner, dataset_id)
    faults = _faults(_names(question), values)
    if faults:
        return {"rows": [], "faults": faults}
    return tasks.preview_mapping(question["rows"], Mapping(**values))


def parsed(values: object, field: str = "mapping") -> Mapping:
    """Return the mapping that the values describe. Raises Refused with every fault, by field."""
    return forms.read(Mapping.model_validate, values, field)


def unknown(mapping: Mapping, names: list[str]) -> dict[str, str]:
    """Return words for each part of a mapping that names a column which is not there."""
    chosen = {part: [name] for part in _ONE if (name := getattr(mapping, part)) is not None}
    chosen["question"] = list(mapping.question)
    return {
        part: f"There is no column {name}. There are: {', '.join(names)}."
        for part, wanted in chosen.items()
        for name in wanted
        if name not in names
    }


def _within(guess: dict[str, Any] | None, names: list[str]) -> dict[str, Any] | None:
    """The guess without columns that this file lacks: a known format may have more than it uses."""
    if guess is None:
        return None
    one = {part: None for part in _ONE if guess[part] not in names}
    return guess | one | {"question": [name for name in guess["question"] if name in names]}


def _faults(names: list[str], values: dict[str, Any]) -> dict[str, str]:
    """Return words by part of the mapping; a part that is still to be chosen has its own."""
    try:
        mapping = parsed(values)
    except Refused as error:
        told = {fault.field.removeprefix("mapping").lstrip("."): fault for fault in error.faults}
        missing = Mapping.model_construct(**values).missing() if list(told) == [""] else ()
        return dict.fromkeys(missing, "Choose a column.") or {
            part: fault.message for part, fault in told.items()
        }
    return unknown(mapping, names) if names else {}


def _names(question: dict[str, Any]) -> list[str]:
    return [column["name"] for column in question.get("columns", [])]
