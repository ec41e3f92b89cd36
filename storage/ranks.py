"""How many directions each layer of an AdaLoRA run had, over its steps: for the run's page."""

import json
from pathlib import Path
from typing import Any

from storage import artifacts

_FILE = "ranks.json"


def read(run_folder: Path) -> dict[str, Any]:
    """Return `layers` (their names) and `steps`: of each allocation its `step` and the `ranks`.

    Empty for a run that has none: its rank does not adapt, or it has not begun.
    """
    path = run_folder / _FILE
    return json.loads(path.read_bytes()) if path.is_file() else {}


def add(run_folder: Path, step: int, ranks: dict[str, int]) -> None:
    """Remember the ranks after a step, by the layer's name."""
    there = read(run_folder) or {"layers": list(ranks), "steps": []}
    there["steps"].append({"step": step, "ranks": list(ranks.values())})
    _write(run_folder, there)


def forget_after(run_folder: Path, step: int) -> None:
    """Forget what was remembered of later steps, which a resumed run takes again."""
    there = read(run_folder)
    if there:
        there["steps"] = [one for one in there["steps"] if one["step"] <= step]
        _write(run_folder, there)


def _write(run_folder: Path, there: dict[str, Any]) -> None:
    artifacts.write_private(run_folder / _FILE, json.dumps(there))
