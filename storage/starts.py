"""What a run can go on from: an adapter, a saved state or a whole model that a run has made."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage import adapters, checkpoints, contestants, earlier_specs, specs
from storage.artifacts import Artifacts
from storage.contestants import Contestant
from storage.database import Database
from storage.errors import Fault, NotFound, StudioError
from storage.specs import RunSpec
from storage.tables import RunRow

_CONFIG = "adapter_config.json"

_KINDS = {"LORA": "lora", "IA3": "ia3"}


@dataclass(frozen=True)
class Start:
    """Where a run can begin.

    Attributes:
        name: as in the playground: `adapter:ID` or `checkpoint:RUN:STEP`.
        title: what a person calls it.
        base_id: the base model that it was made from.
        run_id: the run that made it.
        step: of that run.
        method: by which that run learned.
        folder: the adapter in PEFT's layout, or a whole model.
        settings: what a run that goes on from it must have the same, by the name of the setting.
        parts: the parts of the model that learned; empty for a whole model.
    """

    name: str
    title: str
    base_id: str
    run_id: str
    step: int
    method: str
    folder: Path
    settings: dict[str, Any]
    parts: tuple[str, ...]


def find(database: Database, files: Artifacts, owner: str, name: str) -> Start:
    """Return the start of that name.

    Raises:
        NotFound: it is not there, was deleted, or belongs to somebody else.
    """
    if name.startswith("base:"):
        raise NotFound("A base model alone is no add-on to go on from.")
    try:
        return _start(database, owner, contestants.find(database, files, owner, name))
    except NotFound as error:
        raise NotFound(
            "The add-on or saved state to go on from is not there any more.",
            "Choose another one, or none.",
        ) from error


def all_of(database: Database, files: Artifacts, owner: str, base_id: str) -> list[Start]:
    """Return what a run on a base model can go on from, add-ons first; damaged ones left out."""
    found = []
    for one in contestants.all_of(database, files, owner):
        if one.base_id == base_id and one.kind != "base":
            try:
                found.append(_start(database, owner, one))
            except StudioError:
                continue  # of a kind that cannot go on, or its folder is not whole
    return found


def faults(spec: RunSpec, start: Start) -> list[Fault]:
    """List why settings do not go together with what they go on from, by field."""
    if start.base_id != spec.base_model_id:
        return [Fault("start_from", "It was made from another base model: choose that one.")]
    if (start.method == "reward") != (spec.method == "reward"):
        return [
            Fault("start_from", "A judge and a model that writes cannot go on from each other.")
        ]
    if spec.adapter != start.settings["adapter"]:
        return [Fault("adapter", _other_kind(start))]
    found = [
        Fault(name, _other_value(name, wanted))
        for name, wanted in start.settings.items()
        if not _same(getattr(spec, name), wanted)
    ]
    if spec.target_modules and not set(spec.target_modules) <= set(start.parts):
        words = "What it goes on from learned in other parts: leave this empty."
        found.append(Fault("target_modules", words))
    return found


def _start(database: Database, owner: str, one: Contestant) -> Start:
    kind, _, rest = one.name.partition(":")
    if kind == "adapter":
        adapter = adapters.get(database, owner, rest)
        run_id, step = adapter.run_id, adapter.step
    else:
        run_id, _, told = rest.partition(":")
        step = int(told)
    with database.read() as session:
        spec = earlier_specs.read(session.get_one(RunRow, run_id).spec)
    folder = one.adapter_folder or one.base_folder
    settings, parts = _settings(folder, spec)
    return Start(
        one.name, one.title, one.base_id, run_id, step, spec.method, folder, settings, parts
    )


def _settings(folder: Path, made_by: RunSpec) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what must stay the same, read from the files, and the parts that learned."""
    if checkpoints.is_model(folder):
        return {"adapter": "full"}, ()
    try:
        told = json.loads((folder / _CONFIG).read_bytes())
        kind = _KINDS[told["peft_type"]]
    except (OSError, ValueError, KeyError) as error:
        raise StudioError("This add-on cannot be read.") from error
    parts = told.get("target_modules") or []
    parts = (parts,) if isinstance(parts, str) else tuple(parts)
    if kind == "ia3":
        return {"adapter": kind}, parts
    same = {
        "adapter": kind,
        "rank": told["r"],
        "alpha": float(told["lora_alpha"]),
        "use_rslora": bool(told.get("use_rslora")),
        "use_dora": bool(told.get("use_dora")),
        "beginning": "default",
        "extra_tokens": made_by.extra_tokens if told.get("trainable_token_indices") else (),
    }
    return same, parts


def _same(given: Any, wanted: Any) -> bool:
    if isinstance(wanted, float):
        return math.isclose(given, wanted, rel_tol=1e-6)
    return bool(given == wanted)


_KIND_WORDS = {"lora": "a LoRA add-on", "ia3": "an IA3 add-on", "full": "a whole model"}


def _other_kind(start: Start) -> str:
    kind = start.settings["adapter"]
    return f"It goes on from {_KIND_WORDS[kind]}, and must stay one: choose that, or begin anew."


def _other_value(name: str, wanted: Any) -> str:
    if name == "beginning":
        return "An add-on that goes on has begun already: choose the default one."
    if isinstance(wanted, bool):
        return f"What it goes on from has this switched {'on' if wanted else 'off'}; do the same."
    if name == "extra_tokens":
        words = ", ".join(wanted) or "no new words"
        return f"What it goes on from learned {words}; leave it at that."
    return f"{specs.term(name)} was {wanted:g} in what it goes on from: choose {wanted:g}."
