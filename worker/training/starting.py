"""Going on from what another run has made: kept beside the run, and put in before the first step.

A copy is kept (without taking space, where files can have two names), so that the run can go on
when what it began with is deleted; preference learning compares with it.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from peft import LoraConfig, PeftConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file

from storage import artifacts, checkpoints, starts
from storage.errors import Refused, StudioError
from worker.training.job import Job
from worker.training.journal import journal

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

_NOT_TAKEN = frozenset(
    {artifacts.MANIFEST, "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json",
     "training_args.bin", "README.md", "metrics.jsonl", "recipe.yaml", "training_config.yaml"}
)  # fmt: skip
"""Files of a whole model's folder that are not the model."""


def keep(job: Job) -> None:
    """Keep what the run goes on from in its own folder; nothing where it begins anew.

    Raises:
        NotFound: it is not there any more.
        Refused: the settings do not go together with it, by field.
    """
    name, folder = job.spec.start_from, job.start_folder
    if name is None or folder is None or _is_whole(folder):
        return
    start = starts.find(job.database, job.files, job.run.owner, name)
    found = starts.faults(job.run.spec, start)
    if found:
        raise Refused(found)
    artifacts.remove(folder)
    title = start.title.removesuffix(f", step {start.step}")
    about = {"title": title, "run_id": start.run_id, "step": start.step}
    with artifacts.staged(folder, about) as staging:
        for path in _taken(start.folder):
            _link(path, staging / path.name)
    journal.info("going on from %s", start.title)


def config(folder: Path, *, dropout: float, **common: Any) -> PeftConfig:
    """Return the configuration of an adapter that is gone on from, as one that learns.

    `common` is what an adapter's configuration is told of the model, whatever its kind.
    """
    found: Any = PeftConfig.from_pretrained(str(folder))
    found.inference_mode = False
    found.base_model_name_or_path = found.revision = None  # the library wants to find its own
    for name, value in common.items():
        setattr(found, name, value)
    if isinstance(found, LoraConfig):
        found.lora_dropout = dropout
        found.init_lora_weights, found.trainable_token_indices = True, None
    learning: PeftConfig = found
    return learning


def put(job: Job, trainer: Any) -> None:
    """Give a complete trainer's adapter the weights that it goes on from.

    Raises:
        StudioError: they are not those of such an adapter.
    """
    folder = job.start_folder
    if folder is None or checkpoints.is_model(folder):
        return  # a whole model was loaded in place of the base model
    tensors = load_file(folder / _WEIGHTS)
    there = get_peft_model_state_dict(trainer.model, save_embedding_layers=False)
    if tensors.keys() != there.keys():
        raise StudioError(
            "What this run goes on from does not fit its add-on.",
            "Begin anew, or choose another add-on to go on from.",
        )
    set_peft_model_state_dict(trainer.model, tensors)


def facts(job: Job) -> dict[str, Any]:
    """Return what the run's page and the model card tell about where it began."""
    if job.start_folder is None:
        return {}
    about = artifacts.read_manifest(job.start_folder)["about"]
    return {f"began_from_{name}": about[name] for name in ("title", "run_id", "step")}


def _is_whole(folder: Path) -> bool:
    try:
        artifacts.verify(folder)
    except artifacts.Damaged:
        return False
    return True


def _taken(folder: Path) -> list[Path]:
    if not checkpoints.is_model(folder):
        return [folder / _CONFIG, folder / _WEIGHTS]
    return [path for path in folder.iterdir() if path.is_file() and path.name not in _NOT_TAKEN]


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another volume, or one that knows no second names
        shutil.copyfile(source, target)
