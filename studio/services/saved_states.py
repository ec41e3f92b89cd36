"""Saved states of runs: listed, deleted one by one or in bulk, and gone on from."""

from storage import saved_states, starts
from storage.saved_states import Space, State
from storage.specs import RunSpec
from storage.starts import Start
from studio.services import runs
from studio.services.studio import Studio


def of_run(studio: Studio, owner: str, run_id: str) -> list[State]:
    """Return a run's saved states, newest first. Raises NotFound."""
    return saved_states.of_run(studio.database, studio.artifacts, owner, run_id)


def delete(studio: Studio, owner: str, run_id: str, step: int) -> None:
    """Delete one saved state. Raises NotFound; StudioError where it is needed."""
    saved_states.delete(studio.database, studio.artifacts, owner, run_id, step)


def spaces(studio: Studio, owner: str) -> list[Space]:
    """Return what the saved states of all runs take, the largest first."""
    return saved_states.spaces(studio.database, studio.artifacts, owner)


def clean(studio: Studio, owner: str, run_ids: list[str]) -> int:
    """Delete what ended runs do not need; returns the bytes it frees. Raises NotFound."""
    return saved_states.clean(studio.database, studio.artifacts, owner, run_ids)


def starts_of(studio: Studio, owner: str, base_model_id: str) -> list[Start]:
    """Return what a run on a base model can go on from."""
    return starts.all_of(studio.database, studio.artifacts, owner, base_model_id)


def start(studio: Studio, owner: str, name: str) -> Start:
    """Return what a run can go on from, by its name. Raises NotFound."""
    return starts.find(studio.database, studio.artifacts, owner, name)


def branch(studio: Studio, owner: str, run_id: str, name: str) -> RunSpec:
    """Return a run's settings, ready for the form, with which a new run goes on from a state.

    Raises:
        NotFound: the run or the state is not there.
    """
    begun = start(studio, owner, name)
    spec = runs.duplicate(studio, owner, run_id)
    changes = {
        **begun.settings,
        "name": f"{begun.title}, branched"[:120],
        "base_model_id": begun.base_id,
        "target_modules": (),
        "start_from": name,
    }
    return spec.model_copy(update=changes)
