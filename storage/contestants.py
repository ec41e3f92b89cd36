"""Who can be talked to: ready base models, their adapters, and the checkpoints of runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from storage import adapters, base_models, checkpoints, run_lists
from storage.adapters import Adapter
from storage.artifacts import Artifacts
from storage.base_models import Base
from storage.checkpoints import Checkpoint
from storage.database import Database
from storage.errors import NotFound
from storage.run_lists import RunLine
from storage.status import WorkStatus

Kind = Literal["base", "adapter", "checkpoint"]

States = list[tuple[RunLine, list[Checkpoint]]]
"""Runs, each with its saved states, newest first."""

Made = tuple[list[Adapter], States]
"""What was made of base models, finished or not."""

MOST_RUNS = 200
"""The saved states of so many runs are listed, the newest; `find` knows all."""


@dataclass(frozen=True)
class Contestant:
    """One voice of a comparison.

    Attributes:
        name: the `model` of the chat protocol: `base:ID`, `adapter:ID` or `checkpoint:RUN:STEP`.
        title: what a person calls it.
        kind: the base model alone, or what was made of it that has finished, or has not.
        base_id: the base model it stands on, or was made from.
        base_title: what a person calls the base model.
        base_folder: an ordinary Hugging Face model folder; those of one folder answer in one
            batch. Of a model that learned as a whole it is its own.
        adapter_folder: the adapter in PEFT's layout; None for a whole model.
    """

    name: str
    title: str
    kind: Kind
    base_id: str
    base_title: str
    base_folder: Path
    adapter_folder: Path | None


def all_of(database: Database, files: Artifacts, owner: str) -> list[Contestant]:
    """Return everyone a person can talk to: each ready base model, its adapters, its checkpoints.

    Of the checkpoints those of the newest MOST_RUNS runs that have any.

    Reads the database and the folders at every call: what was saved a moment ago is there.
    """
    trainings = run_lists.saved(database, owner)
    made = (adapters.all_of(database, owner), _with_states(files, trainings, MOST_RUNS))
    return list(_among(database, owner, files, made))


def talking(database: Database, files: Artifacts, owner: str) -> list[Contestant]:
    """Return those of `all_of` who talk: reward models give scores."""
    judges = run_lists.judges(database, owner)
    judges |= {one.id for one in adapters.all_of(database, owner) if one.run_id in judges}
    found = all_of(database, files, owner)
    return [one for one in found if not judges.intersection(one.name.split(":"))]


def find(database: Database, files: Artifacts, owner: str, name: str) -> Contestant:
    """Return the contestant of that name.

    Raises:
        NotFound: nobody of that name can be talked to: unknown, deleted, somebody else's, or made
            from a base model that is not ready.
    """
    kind, _, rest = name.partition(":")
    trained = _adapter(database, owner, rest) if kind == "adapter" else []
    run_id = rest.partition(":")[0]
    trainings = run_lists.saved(database, owner, run_id) if kind == "checkpoint" else []
    for contestant in _among(database, owner, files, (trained, _with_states(files, trainings, 1))):
        if contestant.name == name:
            return contestant
    if any(base.status is not WorkStatus.READY for base in _behind(database, owner, name)):
        raise NotFound("This model is not ready yet.", "Wait until it is.")
    raise NotFound(f'There is no model called "{name[:80]}".', "GET /v1/models lists them.")


def _behind(database: Database, owner: str, name: str) -> list[Base]:
    """Return the base model that a name stands on, if that person has it."""
    kind, _, rest = name.partition(":")
    trained = {one.id: one.base_model_id for one in _adapter(database, owner, rest)}
    wanted = rest if kind == "base" else trained.get(rest)
    return [base for base in base_models.all_of(database, owner) if base.id == wanted]


def _adapter(database: Database, owner: str, adapter_id: str) -> list[Adapter]:
    try:
        return [adapters.get(database, owner, adapter_id)]
    except NotFound:
        return []


def _with_states(files: Artifacts, trainings: list[RunLine], most: int) -> States:
    """Return the newest of these runs whose saved states are there, each with them."""
    there = ((run, _saved(files, run.id)) for run in trainings)
    return list(islice(((run, saved) for run, saved in there if saved), most))


def _among(database: Database, owner: str, files: Artifacts, made: Made) -> Iterator[Contestant]:
    for base in base_models.all_of(database, owner):
        if base.status is WorkStatus.READY and base.folder:
            yield from _around(base, Path(base.folder), files, made)


def _around(base: Base, folder: Path, files: Artifacts, made: Made) -> Iterator[Contestant]:
    def on_top(name: str, title: str, kind: Kind, made: Path | None) -> Contestant:
        is_whole = made is not None and checkpoints.is_model(made)
        stands_on, adapter = (made, None) if made is not None and is_whole else (folder, made)
        return Contestant(name, title, kind, base.id, base.name, stands_on, adapter)

    yield on_top(f"base:{base.id}", base.name, "base", None)
    trained, trainings = made
    for adapter in trained:
        if adapter.base_model_id == base.id:
            where = files.adapter(adapter.id)
            yield on_top(f"adapter:{adapter.id}", adapter.name, "adapter", where)
    for run, states in trainings:
        if run.base_model_id == base.id:
            for saved in states:
                name = f"checkpoint:{run.id}:{saved.step}"
                usable = checkpoints.usable(saved.folder)
                yield on_top(name, f"{run.name}, step {saved.step}", "checkpoint", usable)


def _saved(files: Artifacts, run_id: str) -> list[Checkpoint]:
    """Return a run's checkpoints, one a step: of two attempts the later one's."""
    newest = checkpoints.newest_first(files.run(run_id))
    return list({saved.step: saved for saved in reversed(newest)}.values())[::-1]
