"""What a run leaves behind, an adapter or a model, with all that is needed to use or repeat it."""

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml
from transformers import AutoTokenizer

from storage import checkpoints, metrics
from storage.checkpoints import Checkpoint
from worker.export.card import Curve, model_card
from worker.export.recipe import trl_recipe
from worker.training import new_words
from worker.training.job import Job
from worker.training.templates import of_run

_ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
_MODEL = ("config.json", "generation_config.json", "model.safetensors")


def write(folder: Path, job: Job, checkpoint: Checkpoint) -> None:
    """Fill an empty folder with what a checkpoint can be used as, over the original base model.

    Holds the adapter in PEFT's layout, or the whole model where all of it learned; the tokenizer
    with its chat template, a model card, two recipes (the studio's own settings, and TRL's words
    for them) and the curves. No pickle, no path of this machine.
    """
    usable = checkpoints.usable(checkpoint.folder)
    for name in _MODEL if checkpoints.is_model(usable) else _ADAPTER:
        if (usable / name).is_file():  # not every model has settings for writing
            shutil.copyfile(usable / name, folder / name)
    _write_tokenizer(folder, job)
    curve = read_curve(job)
    lines = (json.dumps({"step": step, **values}) for step, values in curve.items())
    _write(folder / "metrics.jsonl", "".join(f"{line}\n" for line in lines))
    _write(folder / "recipe.yaml", _yaml(job.spec.model_dump(mode="json")))
    elsewhere = trl_recipe(job)
    if elsewhere is not None:
        _write(folder / "training_config.yaml", _yaml(elsewhere))
    _write(folder / "README.md", model_card(job, checkpoint, curve))


def weights_in(folder: Path) -> Path:
    """Return the file of a published folder that holds the weights."""
    return folder / (_MODEL if checkpoints.is_model(folder) else _ADAPTER)[-1]


def read_curve(job: Job) -> Curve:
    """Return all points of a run, in the order of the steps."""
    curve: Curve = defaultdict(dict)
    cursor = None
    while True:
        news = metrics.after(job.database, job.run.id, cursor)
        if not news.points:
            return dict(sorted(curve.items()))
        for point in news.points:
            curve[point.step][point.name] = point.value
        cursor = news.cursor


def _write_tokenizer(folder: Path, job: Job) -> None:
    tokenizer = AutoTokenizer.from_pretrained(
        job.base_folder, local_files_only=True, trust_remote_code=False
    )
    new_words.add(tokenizer, job.spec)
    of_run(tokenizer, job.spec)
    tokenizer.save_pretrained(folder)


def _yaml(values: dict[str, Any]) -> str:
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
