"""The spec in TRL's words: steps counted beforehand, and the configuration of the trainer."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from trl import SFTConfig

from storage.specs import RunSpec
from worker.training.distributed import sharding
from worker.training.fast import compiled
from worker.training.precision import Precision

_EXAMS = 10
"""So many evaluations a run holds where nothing else is asked for."""


@dataclass(frozen=True)
class Plan:
    """How a run goes, in optimizer steps.

    Attributes:
        total_steps: all of them.
        warmup_steps: those in which the learning rate rises.
        eval_every: steps between evaluations; None: there are none.
        save_every: steps between checkpoints; None: after each evaluation.
    """

    total_steps: int
    warmup_steps: int
    eval_every: int | None
    save_every: int | None


def plan(spec: RunSpec, blocks: int, *, has_exam: bool) -> Plan:
    """Count the steps of a run over that many examples, or packed blocks."""
    batches = math.ceil(blocks / (spec.batch_size * spec.processes))
    a_reading = math.ceil(batches / spec.accumulation)
    total = spec.max_steps or max(1, math.ceil(spec.epochs * a_reading))
    interval = max(1, math.ceil(total / _EXAMS))
    return Plan(
        total_steps=total,
        warmup_steps=round(spec.warmup_ratio * total),
        eval_every=(spec.eval_every or interval) if has_exam else None,
        save_every=spec.save_every or (None if has_exam else interval),
    )


def common(spec: RunSpec, planned: Plan, precision: Precision, folder: Path) -> dict[str, Any]:
    """Return what TRL's configurations of all methods are given, by their field names.

    Evaluating, saving and stopping are left to the recipe.
    """
    on_card = torch.cuda.is_available()
    return {
        "output_dir": str(folder),
        "max_steps": planned.total_steps,
        "per_device_train_batch_size": spec.batch_size,
        "per_device_eval_batch_size": spec.batch_size,
        "gradient_accumulation_steps": spec.accumulation,
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.scheduler,
        "lr_scheduler_kwargs": _SCHEDULES.get(spec.scheduler),
        "warmup_steps": planned.warmup_steps,
        "optim": _optimizer(spec, on_card=on_card),
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        "seed": spec.seed,
        "bf16": precision.autocast and precision.compute == torch.bfloat16,
        "fp16": precision.autocast and precision.compute == torch.float16,
        "train_sampling_strategy": "group_by_length" if _is_grouped(spec) else "random",
        "use_cpu": not on_card,
        "dataloader_pin_memory": on_card,
        "activation_checkpointing": spec.gradient_checkpointing,
        "activation_checkpointing_kwargs": {"use_reentrant": False},
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "eval_strategy": "no",
        "save_strategy": "no",
        "save_total_limit": None,
        "report_to": "none",
        "disable_tqdm": True,
        **sharding.arguments(spec),
    }


def configure(
    spec: RunSpec, planned: Plan, precision: Precision, folder: Path, *, packing: bool
) -> SFTConfig:
    """Return TRL's configuration for supervised training."""
    return SFTConfig(
        **common(spec, planned, precision, folder),
        max_length=spec.max_length,
        packing=packing,
        packing_strategy="bfd",
        activation_offloading=spec.activation_offloading and torch.cuda.is_available(),
        torch_compile=spec.compile and torch.cuda.is_available(),
        neftune_noise_alpha=spec.neftune_alpha or None,
        dataset_kwargs={"skip_prepare_dataset": True},
        prediction_loss_only=True,
    )


def compiles(spec: RunSpec) -> bool:
    """Tell whether layers are translated to machine code first: asked for, and possible here."""
    return spec.compile and not torch.cuda.is_available() and compiled.is_possible()


def told(spec: RunSpec) -> list[str]:
    """Return what was asked for and is done in another way on this machine, and why."""
    if torch.cuda.is_available():
        return []
    found = []
    if spec.optimizer.startswith("paged"):
        instead = _WITHOUT_CARD[spec.optimizer]
        found.append(f"The optimizer is {instead}: without a card nothing is paged out.")
    if spec.activation_offloading:
        found.append("No notes are moved to main memory: without a card they are there already.")
    if spec.compile and not compiles(spec):
        found.append("Nothing is compiled: this machine has no C++ compiler.")
    return found


_SCHEDULES = {"cosine_with_restarts": {"num_cycles": 3}, "polynomial": {"lr_end": 0.0}}
"""What a schedule needs beside steps; the library's one cycle would be a plain cosine."""

_WITHOUT_CARD = {
    "adamw_torch": "adamw_torch_fused",
    "paged_adamw_8bit": "adamw_bnb_8bit",
    "paged_adamw_32bit": "adamw_torch_fused",
}
"""The same optimizer in one call for all weights, or without paging."""


def _optimizer(spec: RunSpec, *, on_card: bool) -> str:
    return spec.optimizer if on_card else _WITHOUT_CARD.get(spec.optimizer, spec.optimizer)


def _is_grouped(spec: RunSpec) -> bool:
    is_packed = spec.packing and spec.method in ("sft", "pretrain")
    return spec.group_by_length and not is_packed
