"""AdaLoRA: the rank adapts while it learns (https://openreview.net/pdf?id=lq62uWRJjiY).

Every layer begins with the same rank. After each step the library weighs how much every direction
matters, and takes the least important ones away until so many are left as the person wants.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import AdaLoraConfig
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerState

from storage import ranks as kept_ranks
from storage.errors import StudioError

STATE = "allocator.safetensors"
"""What a checkpoint holds beside the adapter: how important each direction was found so far."""

CURVES = {"mean_rank": "mean_rank", "rank_budget": "rank_budget", "orthogonality": "orthogonality"}
"""What is logged of the ranks, and the curves it becomes."""

ORTHOGONALITY = 0.5
"""Weight of the term that keeps directions apart; the library's own value (gamma in the paper)."""

_ALLOCATIONS = 50
"""So many times the room is shared out anew, at most."""

_NAME = "default"


def schedule(total_steps: int) -> dict[str, int]:
    """Return when the rank adapts: a tenth of the steps before, three tenths after.

    Raises:
        StudioError: there are too few steps.
    """
    if total_steps < 2:
        raise StudioError(
            "AdaLoRA needs at least 2 steps: one to learn, and one to choose what stays.",
            "Let it learn longer, or choose LoRA.",
        )
    before, after = total_steps // 10, 3 * total_steps // 10
    every = max(1, (total_steps - before - after) // _ALLOCATIONS)
    return {"tinit": before, "tfinal": after, "deltaT": every, "total_step": total_steps}


def orthogonality(model: Any) -> torch.Tensor:
    """Return how far the directions of all layers are from standing apart, a mean over matrices.

    The mean of |A A^T - I| and |B^T B - I| in the Frobenius norm: equation 4 of the paper, as PEFT
    computes it in its forward pass, where TRL never looks.
    """
    found = []
    for name, matrix in model.named_parameters():
        if f"lora_A.{_NAME}" in name or f"lora_B.{_NAME}" in name:
            products = matrix @ matrix.T if "lora_A" in name else matrix.T @ matrix
            identity = torch.eye(products.shape[0], device=products.device)
            found.append(torch.linalg.norm(products - identity))
    return torch.stack(found).mean()


class Allocation(TrainerCallback):
    """Shares out the rank after each step, and keeps what every layer has over time.

    Args:
        model: PEFT's model with an AdaLoRA adapter.
        run_folder: where the ranks over time are kept for the run's page.
    """

    def __init__(self, model: Any, run_folder: Path) -> None:
        self.latest: dict[str, float] = {}
        self._model = model
        self._folder = run_folder
        self._told: list[int] | None = None

    def on_train_begin(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        """Forget the ranks of steps after the one that the run goes on from."""
        kept_ranks.forget_after(self._folder, state.global_step)
        self._tell(state.global_step)

    def on_optimizer_step(
        self, _args: Any, state: TrainerState, _control: Any, optimizer: Any = None, **_: Any
    ) -> None:
        """Weigh and share out, while the gradients of this step are still there."""
        if getattr(optimizer, "step_was_skipped", False):
            return  # with float16 a gradient overflowed; such importances would stay for ever
        for parameter in self._model.parameters():
            if parameter.requires_grad and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)  # nothing passed through: not needed
        step = state.global_step + 1
        self._model.base_model.update_and_allocate(step)
        self._tell(step)

    def _tell(self, step: int) -> None:
        there = ranks(self._model)
        allocator = self._model.base_model.rankallocator
        budget, _ = allocator.budget_schedule(step)
        self.latest["mean_rank"] = sum(there.values()) / len(there)
        self.latest["rank_budget"] = budget / len(there)
        if list(there.values()) != self._told:
            self._told = list(there.values())
            kept_ranks.add(self._folder, step, there)


def ranks(model: Any) -> dict[str, int]:
    """Return how many directions every layer has, by its name in the base model."""
    config: AdaLoraConfig = model.peft_config[_NAME]
    pattern = _by_layer(config.rank_pattern or {})
    allocator = model.base_model.rankallocator
    names = [_layer(name) for name in allocator.name_set]
    return {name: sum(pattern[name]) if name in pattern else config.init_r for name in names}


@contextmanager
def all_of(model: Any) -> Iterator[None]:
    """Let the library write every direction, also those taken away: they may come back."""
    config = model.peft_config[_NAME]
    pattern, config.rank_pattern = config.rank_pattern, None
    try:
        yield
    finally:
        config.rank_pattern = pattern


def write_state(model: Any, folder: Path) -> None:
    """Keep in a checkpoint what decides the next allocations."""
    allocator = model.base_model.rankallocator
    pattern = model.peft_config[_NAME].rank_pattern or {}
    tensors = {
        **{f"importance.{name}": value for name, value in allocator.exp_avg_ipt.items()},
        **{f"uncertainty.{name}": value for name, value in allocator.exp_avg_unc.items()},
        **{f"kept.{name}": torch.tensor(kept) for name, kept in pattern.items()},
    }
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / STATE)


def read_state(model: Any, folder: Path) -> None:
    """Go on with the importances and ranks of a checkpoint."""
    allocator = model.base_model.rankallocator
    tensors = load_file(folder / STATE, device=str(model.device))
    allocator.exp_avg_ipt = _below("importance.", tensors)
    allocator.exp_avg_unc = _below("uncertainty.", tensors)
    allocator.ipt = dict(allocator.exp_avg_ipt)  # only whether there is one counts
    pattern = {name: kept.tolist() for name, kept in _below("kept.", tensors).items()}
    model.peft_config[_NAME].rank_pattern = pattern or None


def _below(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _by_layer(pattern: Mapping[str, list[bool]]) -> dict[str, list[bool]]:
    return {_layer(name): kept for name, kept in pattern.items()}


def _layer(name: str) -> str:
    """Return the layer that a parameter such as `model.layers.0.mlp.up_proj.lora_E` belongs to."""
    for part in (".%s", ".lora_E"):
        name = name.partition(part)[0]
    return name.removeprefix("model.") if name.startswith("model.model.") else name
