"""Every cell of README's tables: trained for real, published, read by a fresh process.

A cell that is refused is refused by the recipe too, in the words of the form.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from storage.errors import Refused
from storage.status import RunStatus
from tests.fakes.tiny_models import save_model, save_tokenizer
from tests.fakes.training_home import TrainingHome
from tests.worker.training.matrix import FAMILIES, Cell, cells, rows_for
from worker.training import recipe

PROBE = list(range(1, 17))
"""What both processes are asked; ordinary tokens."""

EXACT, ROUNDED = 1e-4, 0.2
"""How far logits may lie apart, as a share of the largest.

A converted adapter adds the same numbers in another order. LoftQ makes up for what 4 bits lose: its
adapter is meant for the whole base, so what was learned over the shrunk one fits up to rounding; a
tiny model of random weights loses a sixth of a logit to 4 bits.
"""


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of a tiny model of each family."""
    found = {}
    for number, (family, config) in enumerate(FAMILIES.items()):
        found[family] = tmp_path_factory.mktemp("families") / f"family-{number}"
        save_tokenizer(found[family])
        save_model(found[family], config())
    return found


@pytest.fixture(scope="session")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of a model to learn from, for each family: the same but for its weights."""
    found = {}
    for number, (family, config) in enumerate(FAMILIES.items()):
        found[family] = tmp_path_factory.mktemp("teachers") / f"teacher-{number}"
        save_tokenizer(found[family])
        save_model(found[family], config(), seed=1)
    return found


@pytest.fixture(scope="session")
def trained() -> dict[str, dict[str, Any]]:
    """Collect what was trained, for the one fresh process that reads it all."""
    return {}


@pytest.mark.parametrize("cell", list(cells()), ids=lambda cell: cell.name)
def test_it_trains_or_says_why_not(
    cell: Cell,
    bases: dict[str, Path],
    teachers: dict[str, Path],
    trained: dict[str, dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = TrainingHome.make(tmp_path_factory.mktemp("home"))
    settings = cell.settings
    if "teacher_model_id" in settings:
        settings["teacher_model_id"] = home.base_model(teachers[cell.family])
    data = home.dataset(rows_for(cell.method))
    home.queue(data, home.base_model(bases[cell.family]), **settings)
    if cell.refusal:
        with pytest.raises(Refused, match="Please correct"):
            home.train()
        return
    models: list[Any] = []
    steps = recipe.run_steps
    monkeypatch.setattr(
        recipe, "run_steps", lambda job, ready, *rest: (
            models.append(ready.trainer.model), steps(job, ready, *rest))[1],
    )  # fmt: skip
    run, outcome = home.train()
    home.database.close()
    assert outcome.status is RunStatus.FINISHED
    assert run.step == 2
    assert all(value is not None for value in home.curve(run.id, "loss").values())
    trained[cell.name] = {
        "base": str(bases[cell.family]),
        "folder": str(home.adapter_folder(run.id)),
        "method": cell.method,
        "quantization": cell.shrunk,
        "whole": cell.adapter == "Whole model",
        "adapter": cell.adapter,
        "logits": probed(models[0]),
    }


@torch.no_grad()
def probed(model: Any) -> list[float]:
    """Return what a model makes of the probe: the logits of the last token, or the reward."""
    model.eval()
    ids = torch.tensor([PROBE], device=model.device)
    logits = model(input_ids=ids).logits
    found: list[float] = (logits[0, -1] if logits.dim() == 3 else logits[0]).float().tolist()
    return found


def test_a_fresh_process_answers_the_same(
    trained: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    if not trained:
        pytest.skip("no cell was trained in this run")
    asked = {name: {**cell, "logits": None} for name, cell in trained.items()}
    (tmp_path / "asked.json").write_text(json.dumps({"probe": PROBE, "cells": asked}))
    script = Path(__file__).parent / "fresh_answers.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, timeout=280)
    answers = json.loads((tmp_path / "answers.json").read_text())
    apart = {}
    for name, cell in trained.items():
        ours, fresh = np.array(cell["logits"]), np.array(answers[name])
        allowed = ROUNDED if cell["adapter"] == "LoftQ" else EXACT
        share = float(np.abs(ours - fresh).max() / np.abs(ours).max())
        if share > allowed:
            apart[name] = share
    assert not apart
