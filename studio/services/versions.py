"""Versions: new datasets made of others, of the hub or by hand, and how they belong together."""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter

from storage import datasets as stored
from storage.datasets import Dataset
from storage.errors import Fault, Refused
from storage.mappings import Target
from storage.operations import OPERATION, Answers, Edit, Filter, Hub, Operation, Reread, Written
from studio.services import answers, columns, datasets, forms, names
from studio.services.studio import Studio
from worker import tasks

_CALLED: Final = {
    "split": "{}, with an exam",
    "reread": "{}, read again",
    "filter": "{}, filtered",
    "sample": "{}, a sample",
    "edit": "{}, edited",
    "mix": "{} and others",
    "clean": "{}, cleaned",
    "redact": "{}, redacted",
    "chosen": "{}, better answers",
    "answers": "{}, answered by a model",
}
"""Names of versions after what they are made of, where the person gives none."""

PARTS: Final = {
    Target.CHAT: {"messages"},
    Target.TEXT: {"text"},
    Target.PREFERENCE: {"prompt", "chosen", "rejected"},
    Target.LABELLED: {"prompt", "completion", "label"},
}
"""What a normalised row of a target must have."""


_MOST_COLUMNS = 100  # a report names no more


class WrittenRow(BaseModel):
    """A question and its answer, written or pasted by a person; blank rows are left out."""

    model_config = ConfigDict(extra="forbid")

    question: str = ""
    answer: str = ""
    system: str = ""


_WRITTEN = TypeAdapter(list[WrittenRow])


@dataclass(frozen=True)
class Node:
    """A dataset in the picture of its lineage."""

    id: str
    name: str
    status: str
    rows_good: int
    operation: dict[str, Any] | None
    deleted: bool


@dataclass(frozen=True)
class Lineage:
    """What a dataset came from and what was made of it; an edge goes from parent to child."""

    nodes: list[Node]
    edges: list[tuple[str, str]]


def make(studio: Studio, owner: str, values: object, name: str = "") -> Dataset:
    """Make a new version; the worker fills it afterwards.

    Raises:
        NotFound: a dataset that it is to be made of is not there.
        Refused: with every fault at once, by field.
        StudioError: one of the parents has not been read yet.
    """
    _check_writable(values)
    kind = str(values.get("kind", "")) if isinstance(values, dict) else ""
    operation = forms.read(OPERATION.validate_python, values, "operation", kind)
    parents = [datasets.get(studio, owner, parent) for parent in operation.parents]
    faults = _faults(operation, parents)
    if faults:
        raise Refused([Fault(f"operation.{field}", words) for field, words in faults.items()])
    if isinstance(operation, Answers):
        operation = answers.named(studio, owner, operation, parents[0])
    given = names.tidy(name, _CALLED[operation.kind].format(names.without_kind(parents[0].name)))
    return _derived(studio, owner, given, operation)


def from_hub(studio: Studio, owner: str, values: dict[str, Any]) -> Dataset:
    """Fetch a dataset from the hub by its name there, such as `owner/name`. Raises Refused."""
    operation = forms.read(Hub.model_validate, values, "hub")
    wanted = operation.name.strip()
    if not wanted or len(wanted.split("/")) > 2 or any(c.isspace() for c in wanted):
        raise Refused([Fault("hub.name", "Type the dataset's name, such as owner/name.")])
    shown = names.tidy(wanted, "Data from the hub")
    return _derived(studio, owner, shown, operation.model_copy(update={"name": wanted}))


def write(studio: Studio, owner: str, rows: object, name: str = "") -> Dataset:
    """Make a dataset of rows that a person wrote or pasted: question, answer, system.

    Raises:
        Refused: with every fault at once, by field; rows count from 1.
        StudioError: all rows are blank.
    """
    written = [row.model_dump() for row in forms.read(_WRITTEN.validate_python, rows, "rows")]
    shown = names.tidy(name, "Written by hand")
    return datasets.receive(studio, owner, shown, [tasks.written(written)], Written())


def children(studio: Studio, owner: str, dataset_id: str) -> list[str]:
    """Return the ids of the versions made of a dataset that are not deleted, oldest first.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    datasets.get(studio, owner, dataset_id)
    everyone = stored.family(studio.database, owner)
    return [one.id for one in everyone if dataset_id in one.parents and not one.deleted_at]


def lineage(studio: Studio, owner: str, dataset_id: str) -> Lineage:
    """Return what a dataset came from, all the way up, and what came of it, all the way down.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    datasets.get(studio, owner, dataset_id)
    everyone = {one.id: one for one in stored.family(studio.database, owner)}
    edges = [
        (parent, one.id)
        for one in everyone.values()
        for parent in dict.fromkeys(one.parents)
        if parent in everyone
    ]
    up = _reached(dataset_id, [(child, parent) for parent, child in edges])
    around = up | _reached(dataset_id, edges)
    return Lineage(
        nodes=[_node(one) for one in everyone.values() if one.id in around],
        edges=[edge for edge in edges if around.issuperset(edge)],
    )


def compare(studio: Studio, owner: str, dataset_id: str, other_id: str) -> dict[str, Any]:
    """Return which rows were added, removed and changed from one dataset to another.

    Raises:
        NotFound: there is no such dataset of that owner.
        StudioError: one of them has not been read yet.
    """
    before, after = (datasets.rows_folder(studio, owner, each) for each in (dataset_id, other_id))
    return tasks.compare_rows(before, after)


def summary(operation: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return an operation without the rows that it brings along, which may be megabytes."""
    if operation is None or operation["kind"] != "edit":
        return operation
    changed = [{"row": change["row"]} for change in operation["changed"]]
    return {**operation, "changed": changed, "added": [{} for _ in operation["added"]]}


def _check_writable(values: object) -> None:
    """Refuse what no file could hold: half a character, a number of a hundred digits."""
    try:
        orjson.dumps(values)
    except orjson.JSONEncodeError as error:
        raise Refused([Fault("operation", f"This cannot be written down: {error}.")]) from error


def _derived(studio: Studio, owner: str, name: str, operation: Operation) -> Dataset:
    made = stored.derive(studio.database, owner, name, operation)
    studio.doorbell.ring()
    return made


def _node(one: Dataset) -> Node:
    deleted = one.deleted_at is not None
    return Node(one.id, one.name, one.status, one.rows_good, summary(one.operation), deleted)


def _reached(start: str, edges: list[tuple[str, str]]) -> set[str]:
    reached, last = {start}, {start}
    while last:
        last = {end for begin, end in edges if begin in last} - reached
        reached |= last
    return reached


def _faults(operation: Operation, parents: list[Dataset]) -> dict[str, str]:
    """Return what is wrong with an operation on these datasets, in words by field."""
    if isinstance(operation, Hub | Written):
        return {"kind": "This is made by another form."}
    if isinstance(operation, Reread):
        return _reread_faults(operation, parents[0])
    if isinstance(operation, Edit):
        return _edit_faults(operation, parents[0])
    if isinstance(operation, Filter):
        numbers = (*(operation.rows or ()), *(operation.without or ()))
        return _row_faults("rows", numbers, parents[0])
    if operation.kind == "chosen" and parents[0].target in (Target.CHAT, Target.TEXT):
        return {"dataset_id": f"{parents[0].name} holds no better and worse answers."}
    if len({one.target for one in parents}) > 1:
        kinds = ", ".join(f"{one.name}: {one.target}" for one in parents)
        place = "parts" if operation.kind == "mix" else "other_id"
        return {place: f"These hold different kinds of rows ({kinds})."}
    return {}


def _reread_faults(operation: Reread, parent: Dataset) -> dict[str, str]:
    if parent.parents:
        return {"dataset_id": f"{parent.name} is a version; read its own file again instead."}
    known = (parent.report or {}).get("columns", [])
    is_complete = 0 < len(known) < _MOST_COLUMNS
    wrong = columns.unknown(operation.mapping, known) if is_complete else {}
    return {f"mapping.{part}": words for part, words in wrong.items()}


def _edit_faults(operation: Edit, parent: Dataset) -> dict[str, str]:
    if not (operation.changed or operation.deleted or operation.added):
        return {"changed": "Nothing is changed, deleted or added."}
    wanted = PARTS[Target(parent.target or Target.CHAT)]
    contents = {f"changed.{n}": change.content for n, change in enumerate(operation.changed)}
    contents |= {f"added.{n}": content for n, content in enumerate(operation.added)}
    faults = {
        place: f"A row of {parent.name} has {', '.join(sorted(wanted))}."
        for place, content in contents.items()
        if not wanted <= content.keys()
    }
    faults |= _row_faults("changed", tuple(one.row for one in operation.changed), parent)
    return faults | _row_faults("deleted", operation.deleted, parent)


def _row_faults(field: str, numbers: tuple[int, ...], parent: Dataset) -> dict[str, str]:
    wrong = [number for number in numbers if not 0 <= number < parent.rows_good]
    if not wrong:
        return {}
    last = parent.rows_good - 1
    return {field: f"There is no row {wrong[0]}: rows of {parent.name} count from 0 to {last}."}
