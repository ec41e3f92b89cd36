"""Sweeps: what could be varied and what it would take, start, stop, go on, keep the best."""

from dataclasses import dataclass, field
from typing import Any

from storage import owned, presets, spaces, specs, sweeps, trials
from storage.errors import Fault, Refused, StudioError
from storage.presets import Preset
from storage.spaces import Space
from storage.specs import RunSpec
from storage.sweeps import Sweep, SweepStatus, Wanted
from storage.tables import SweepRow
from storage.trials import Trial, TrialState
from studio.advice import variations
from studio.services import names, plans, runs
from studio.services import presets as own_presets
from studio.services.studio import Studio

FEWEST_TRIALS, MOST_TRIALS = 2, 200

USUAL_TRIALS = 8

_FIELDS = ("name", "spec", "space", "trials", "seed")
_MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep would take. Only faults keep it from starting.

    Units: `steps` and `seconds` are of all trials together, before any is ended early; each is
    None where it cannot be known yet. `count`: so many different trials there are; None: no end.
    """

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    trials: int | None = None
    steps: int | None = None
    seconds: float | None = None
    count: int | None = None


def proposals(
    studio: Studio, owner: str, values: dict[str, Any]
) -> tuple[RunSpec, dict[str, dict[str, Any]]]:
    """Return the settings of a run, and by setting what to try around it. Raises Refused."""
    spec = specs.parse(values)
    found = variations.proposed(spec)
    usual = _judged(studio, owner, spec)
    for name in [name for name, given in found.items() if "choices" in given]:
        changed = [(one, _changed(spec, name, one)) for one in found[name]["choices"]]
        sound = [one for one, to in changed if to and _judged(studio, owner, to) <= usual]
        if len(sound) > 1:
            found[name] = {"choices": sound}
        else:
            del found[name]
    return spec, found


def plan(studio: Studio, owner: str, asked: dict[str, Any]) -> SweepPlan:
    """Return what a sweep would take: faults and warnings by field, steps and time.

    `asked` holds spec (settings of a run), space, trials, and if wanted name and seed. Changes
    nothing.
    """
    try:
        wanted = _wanted(asked)
    except Refused as error:
        return SweepPlan(faults=error.faults)
    count = spaces.count(wanted.space)
    usual = plans.plan(studio, owner, wanted.spec.model_dump(mode="json"))
    found = usual.faults or spaces.faults(wanted.spec, wanted.space)
    if found:
        return SweepPlan(faults=found)
    corners = spaces.corners(wanted.spec, wanted.space)
    judged = [plans.plan(studio, owner, each.model_dump(mode="json")) for each in corners]
    return SweepPlan(
        faults=_once(fault for each in judged for fault in each.faults),
        warnings=_once(fault for each in judged for fault in each.warnings),
        trials=wanted.trials,
        steps=_in_all([each.steps for each in judged], wanted.trials),
        seconds=_in_all([each.seconds for each in judged], wanted.trials),
        count=int(count) if count < MOST_TRIALS else None,
    )


def start(studio: Studio, owner: str, asked: dict[str, Any]) -> Sweep:
    """Begin a sweep; the worker adds its trials one after another.

    Raises:
        Refused: with every fault at once, by field.
    """
    planned = plan(studio, owner, asked)
    if planned.faults:
        raise Refused(planned.faults)
    sweep = sweeps.add(studio.database, owner, _wanted(asked))
    studio.doorbell.ring()
    return sweep


def listing(studio: Studio, owner: str, *, deleted: bool = False) -> list[tuple[Sweep, int]]:
    """Return a person's sweeps, newest first, each with how many of its trials have ended."""
    ended = trials.ended(studio.database, owner)
    found = sweeps.all_of(studio.database, owner, deleted=deleted)
    return [(sweep, ended.get(sweep.id, 0)) for sweep in found]


def get(studio: Studio, owner: str, sweep_id: str) -> tuple[Sweep, list[Trial]]:
    """Return a sweep and its trials. Raises NotFound."""
    sweep = sweeps.get(studio.database, owner, sweep_id)
    return sweep, trials.of(studio.database, sweep.id)


def stop(studio: Studio, owner: str, sweep_id: str) -> Sweep:
    """Stop a sweep and the trial under way, keeping what was learned. Raises NotFound, StudioError.

    `go_on` takes both up again.
    """
    words = "Stopped by you. What its trials learned is kept."
    return sweeps.stop(studio.database, owner, sweep_id, words)


def go_on(studio: Studio, owner: str, sweep_id: str) -> Sweep:
    """Let a stopped sweep go on, with the trials that were stopped or have failed first.

    Raises:
        NotFound: there is no such sweep of that owner.
        StudioError: it was not stopped.
    """
    sweep, found = get(studio, owner, sweep_id)
    if sweep.status is SweepStatus.STOPPED:
        for trial in found:
            unfinished = trial.state in (TrialState.STOPPED, TrialState.FAILED)
            if unfinished and trial.run.is_resumable and trial.run.deleted_at is None:
                runs.resume(studio, owner, trial.run.id)
    sweep = sweeps.go_on(studio.database, owner, sweep_id)
    studio.doorbell.ring()
    return sweep


def keep_best(studio: Studio, owner: str, sweep_id: str, name: object) -> Preset:
    """Keep the settings of the best trial as a preset of one's own.

    Raises:
        NotFound: there is no such sweep of that owner.
        Refused: the name is none.
        StudioError: no trial has come to its end yet.
    """
    sweep, found = get(studio, owner, sweep_id)
    best = trials.best(found)
    if best is None or best.best is None:
        raise StudioError(f"No trial of {sweep.name} has come to its end yet.")
    made_by = {
        "sweep": sweep.id,
        "run": best.run.id,
        "trial": best.number,
        "trials": len(found),
        "eval_loss": best.best[1],
        "varied": list(sweep.space),
    }
    settings = presets.settings_of(best.run.spec)
    return own_presets.keep(studio, owner, name, settings, made_by)


def delete(studio: Studio, owner: str, sweep_id: str) -> None:
    """Delete a sweep from view; its runs stay. One that goes on is stopped. Raises NotFound."""
    sweep, _ = get(studio, owner, sweep_id)
    if sweep.status is SweepStatus.RUNNING:
        stop(studio, owner, sweep_id)
    owned.mark_deleted(studio.database, SweepRow, owner, sweep_id, deleted=True)


def restore(studio: Studio, owner: str, sweep_id: str) -> None:
    """Bring a deleted sweep back, stopped or finished as it was. Raises NotFound."""
    owned.mark_deleted(studio.database, SweepRow, owner, sweep_id, deleted=False)


def _wanted(asked: dict[str, Any]) -> Wanted:
    """Return the sweep that is asked for; raises Refused with every fault of its form."""
    found = [Fault(each, "There is no such field.") for each in asked if each not in _FIELDS]
    count, seed = asked.get("trials", USUAL_TRIALS), asked.get("seed", 0)
    name = asked.get("name", "")
    if not _is_whole(count, FEWEST_TRIALS, MOST_TRIALS):
        words = f"Must be a whole number from {FEWEST_TRIALS} to {MOST_TRIALS}."
        found.append(Fault("trials", words))
    if not _is_whole(seed, 0, _MOST_SEED):
        found.append(Fault("seed", f"Must be a whole number from 0 to {_MOST_SEED}."))
    if not isinstance(name, str):
        found.append(Fault("name", "Must be text."))
    spec = _read(found, lambda: specs.parse(asked.get("spec", {})))
    space = _read(found, lambda: spaces.parse(asked.get("space")))
    if space is not None and _is_whole(count, FEWEST_TRIALS, MOST_TRIALS):
        found += _too_many(space, count)
    if found or spec is None or space is None:
        raise Refused(found)
    return Wanted(names.tidy(name, f"Variations of {spec.name}"[:100]), spec, space, count, seed)


def _read(found: list[Fault], read: Any) -> Any:
    """Return what is read; None where it is refused, and its faults are added."""
    try:
        return read()
    except Refused as error:
        found += error.faults
        return None


def _too_many(space: Space, count: int) -> list[Fault]:
    there = spaces.count(space)
    if there >= count:
        return []
    return [Fault("trials", f"There are only {int(there)} different ones in what you vary.")]


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _changed(spec: RunSpec, name: str, value: Any) -> RunSpec | None:
    """Return the spec with one value; None where that cannot be."""
    try:
        return spaces.applied(spec, {name: value})
    except Refused:
        return None


def _judged(studio: Studio, owner: str, spec: RunSpec) -> set[Fault]:
    return set(plans.plan(studio, owner, spec.model_dump(mode="json")).faults)


def _in_all(each: list[Any], count: int) -> Any:
    """Return the sum over trials that lie anywhere in the space; None where one is not known."""
    if not each or any(one is None for one in each):
        return None
    return type(each[0])(sum(each) / len(each) * count)


def _once(found: Any) -> list[Fault]:
    return list(dict.fromkeys(found))
