"""Runs side by side: what their settings differ in, how far each came, and their curves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from storage import curves, metrics, runs, specs
from storage.curves import Curve
from storage.errors import NotFound, StudioError
from storage.runs import Run
from studio.services import base_models, datasets
from studio.services.studio import Studio
from studio.words import catalogue, say

MOST_RUNS = 20
"""So many lines are drawn at most."""

_FEW_RUNS = 4
_POINTS = {True: 1000, False: 500}
"""Points a curve of few runs, and of many."""

ALWAYS = ("loss", "eval_loss", *metrics.AMOUNTS)
"""These curves come along whatever is asked for."""

_LEFT_OUT = ("name", "probe_prompts")
"""What is told elsewhere, or changes nothing of what is learned."""


@dataclass(frozen=True)
class Difference:
    """A setting in which runs differ.

    Attributes:
        setting: its name.
        title: its plain label.
        term: what the field calls it.
        words: its value in each run, in their order; a dash where it has no effect.
    """

    setting: str
    title: str
    term: str
    words: list[str]


@dataclass(frozen=True)
class Compared:
    """One of the runs.

    Attributes:
        run: it.
        curves: the chosen ones by name, thinned out.
        names: of all its curves.
        best: step and loss of its best exam; None: there was none.
        tokens: read in all; None where it was not counted.
    """

    run: Run
    curves: dict[str, Curve]
    names: list[str]
    best: tuple[int, float] | None
    tokens: float | None


@dataclass(frozen=True)
class Comparison:
    """Some runs, in the order asked for, and what their settings differ in."""

    runs: list[Compared]
    differences: list[Difference]


def compare(
    studio: Studio, owner: str, run_ids: Sequence[str], wanted: Sequence[str] = ()
) -> Comparison:
    """Return runs side by side, with these curves beside those that always come along.

    Raises:
        NotFound: one of the runs is not there.
        StudioError: none is named, or too many.
    """
    distinct = list(dict.fromkeys(run_ids))
    if not distinct or len(distinct) > MOST_RUNS:
        raise StudioError(f"Between 1 and {MOST_RUNS} runs can be compared, not {len(distinct)}.")
    found = [runs.get(studio.database, owner, run_id) for run_id in distinct]
    most = _POINTS[len(found) <= _FEW_RUNS]
    names = list(dict.fromkeys([*ALWAYS, *wanted]))
    return Comparison(
        [_compared(studio, run, names, most) for run in found],
        differences(studio, owner, found),
    )


def differences(studio: Studio, owner: str, found: Sequence[Run]) -> list[Difference]:
    """Return the settings that are not the same in all of these runs, in the form's order."""
    settings = [run.spec.model_dump(mode="json") for run in found]
    told = []
    for name in specs.RunSpec.model_fields:
        works = [specs.applies(name, one) for one in settings]
        usual = settings[0][name] if all(works) else _default(name)
        values = [one[name] if here else usual for one, here in zip(settings, works, strict=True)]
        if name not in _LEFT_OUT and any(value != values[0] for value in values):
            words = [
                _words(studio, owner, name, value) if here else _DASH
                for value, here in zip(values, works, strict=True)
            ]
            title = specs.field(name).title or name
            told.append(Difference(name, title, specs.term(name), words))
    return told


_DASH = "\N{EN DASH}"
"""Stands for a setting without an effect."""


def _default(name: str) -> Any:
    value = specs.field(name).get_default()
    return list(value) if isinstance(value, tuple) else value


def _compared(studio: Studio, run: Run, wanted: list[str], most: int) -> Compared:
    database = studio.database
    return Compared(
        run,
        {curve.name: curve for curve in curves.chosen(database, run.id, wanted, most)},
        curves.names(database, run.id),
        curves.lowest(database, run.id, "eval_loss"),
        metrics.newest(database, run.id, "tokens") or None,
    )


def _words(studio: Studio, owner: str, name: str, value: Any) -> str:
    """Return a setting's value as the form words it."""
    if value is None:
        return say("run.automatic")
    if isinstance(value, bool):
        return say("compare.on" if value else "compare.off")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or say("run.all")
    if name in _NAMED:
        return _name_of(studio, owner, name, value)
    listed = catalogue().get(f"train.{name}.{value}")
    return listed.splitlines()[0] if listed else str(value)


_NAMED: dict[str, Callable[[Studio, str, str], Any]] = {
    "dataset_id": datasets.get,
    "base_model_id": base_models.get,
    "teacher_model_id": base_models.get,
}
"""Settings that name something that has a name of its own."""


def _name_of(studio: Studio, owner: str, setting: str, identifier: str) -> str:
    try:
        return str(_NAMED[setting](studio, owner, identifier).name)
    except NotFound:
        return say("compare.deleted", id=identifier)
