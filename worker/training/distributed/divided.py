"""Checkpoints of a model that is divided among processes (FSDP), in the layout of any other.

The library would gather the frozen base model too, and write what learns twice.
"""

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)

from worker.training.distributed import together

OPTIMIZER, SCHEDULER = "optimizer.pt", "scheduler.pt"
"""As the library calls them where nothing is divided."""


class DividedLearner:
    """What stands before the library's trainer where processes divide a model among themselves."""

    # Of the library's trainer:
    model: Any
    args: Any
    optimizer: Any
    lr_scheduler: Any
    is_fsdp_enabled: bool
    _save: Any
    _load_from_checkpoint: Any

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write what learns, put together again. All processes take part; the first one writes."""
        if not self.is_fsdp_enabled:
            super().save_model(output_dir, _internal_call)  # type: ignore[misc]
            return
        self._save(output_dir, state_dict=whole(self.model))

    def _prepare_for_training(self, steps: int, batches: Any, checkpoint: str | None) -> Any:
        if checkpoint is not None and self.is_fsdp_enabled:
            self._load_from_checkpoint(checkpoint)  # while it is whole; then it is divided
        return super()._prepare_for_training(steps, batches, checkpoint)  # type: ignore[misc]

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)  # type: ignore[misc]
            return
        options = StateDictOptions(full_state_dict=True, cpu_offload=True)
        state = get_optimizer_state_dict(self.model, self.optimizer, options=options)
        if together.is_first():
            torch.save(_plain(state), Path(output_dir) / OPTIMIZER)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or not self.is_fsdp_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
            return
        folder = Path(checkpoint)
        options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
        state = torch.load(folder / OPTIMIZER, "cpu") if together.is_first() else {}
        set_optimizer_state_dict(self.model, self.optimizer, state, options=options)
        self.lr_scheduler.load_state_dict(torch.load(folder / SCHEDULER, "cpu"))


def whole(model: Any) -> dict[str, torch.Tensor]:
    """Return what learns of a divided model, in main memory; empty in all processes but one."""
    frozen_too = not isinstance(model, PeftModel)
    options = StateDictOptions(
        full_state_dict=True, cpu_offload=True, ignore_frozen_params=not frozen_too
    )
    found: dict[str, torch.Tensor] = _plain(get_model_state_dict(model, options=options))
    return found


def _plain(state: Any) -> Any:
    """Return a state whose tensors have come: over gloo they are promises that cannot be saved."""
    if isinstance(state, dict):
        return {name: _plain(value) for name, value in state.items()}
    if isinstance(state, list):
        return [_plain(value) for value in state]
    return state.detach().clone() if isinstance(state, torch.Tensor) else state
