"""AdaLoRA: the rank really adapts, and its directions are kept apart exactly once a step."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerCallback

from storage import ranks as kept_ranks
from storage.errors import Refused, StudioError
from tests.fakes.training_home import TrainingHome, conversations
from worker.training import recipe
from worker.training.adapters import ranks

SETTINGS = {
    "adapter": "adalora",
    "rank": 4,
    "final_rank": 2,
    "eval_share": 0.0,
    "packing": False,
    "scheduler": "constant",
    "max_grad_norm": 1000.0,
}


def queued(home: TrainingHome, model: Path, **changes: Any) -> None:
    data = home.dataset(conversations(24))
    home.queue(data, home.base_model(model), **{**SETTINGS, **changes})


def test_the_rank_falls_to_what_was_asked_for_and_differs_by_layer(
    home: TrainingHome, llama: Path
) -> None:
    queued(home, llama, max_steps=20)
    run, _ = home.train()
    means = home.curve(run.id, "mean_rank")
    assert [means[step] for step in (1, 2)] == [4, 4], "a tenth of the steps before"
    falling = sorted(means.values(), key=lambda mean: -(mean or 0))
    assert list(means.values()) == falling
    assert means[14] == means[20] == 2, "three tenths after"
    budgets = home.curve(run.id, "rank_budget")
    assert all(abs(budgets[step] - means[step]) < 0.5 for step in means)
    over_time = kept_ranks.read(home.files.run(run.id))
    assert over_time["steps"][0] == {"step": 0, "ranks": [4] * 14}
    last = dict(zip(over_time["layers"], over_time["steps"][-1]["ranks"], strict=True))
    assert sum(last.values()) == 2 * 14
    assert len(set(last.values())) > 1
    published = load_file(home.adapter_folder(run.id) / "adapter_model.safetensors")
    for layer, rank in last.items():
        down = published[f"base_model.model.{layer}.lora_A.weight"]
        assert down.shape[0] == max(rank, 1), layer


@pytest.mark.parametrize("accumulation", [1, 3])
def test_the_directions_are_kept_apart_once_an_optimizer_step(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch, accumulation: int
) -> None:
    """With E = 0 the data has no say in A and B: their gradient is the term's alone.

    The term is 0.5 times the mean of |A A^T - I| over matrices (equation 4 of the paper); its
    gradient by A is 0.5 / matrices * 2 (A A^T - I) A / |A A^T - I|.
    """
    before, gradients = first_gradients(monkeypatch)
    queued(home, llama, max_steps=2, accumulation=accumulation)
    home.train()
    assert len(before) == len(gradients) == 28
    for name, matrix in before.items():
        wide = matrix if "lora_A" in name else matrix.T
        off = wide @ wide.T - torch.eye(4)
        expected = 0.5 / 28 * 2 * off @ wide / torch.linalg.norm(off)
        found = gradients[name] if "lora_A" in name else gradients[name].T
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


def first_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return where the factors and their gradients of the first step will be, by name."""
    before: dict[str, torch.Tensor] = {}
    gradients: dict[str, torch.Tensor] = {}
    steps = recipe.run_steps

    class Watch(TrainerCallback):
        def on_pre_optimizer_step(self, *_: Any, model: Any = None, **__: Any) -> None:
            for name, parameter in model.named_parameters():
                if ("lora_A" in name or "lora_B" in name) and name not in before:
                    before[name] = parameter.detach().clone()
                    gradients[name] = parameter.grad.clone()

    def watched(job: Any, ready: Any, *rest: Any) -> Any:
        ready.trainer.add_callback(Watch())
        return steps(job, ready, *rest)

    monkeypatch.setattr(recipe, "run_steps", watched)
    return before, gradients


def test_too_few_steps_and_too_much_room_in_the_end_are_refused(
    home: TrainingHome, llama: Path
) -> None:
    queued(home, llama, max_steps=1)
    with pytest.raises(Refused, match="at least 2 steps"):
        home.train()
    queued(home, llama, final_rank=4)
    with pytest.raises(Refused, match="less than the room"):
        home.train()
    queued(home, llama, max_steps=None, epochs=1, batch_size=64)
    with pytest.raises(StudioError, match="at least 2 steps"):
        home.train()


@pytest.mark.parametrize("total", [2, 3, 10, 1000])
def test_the_schedule_leaves_steps_in_which_the_rank_falls(total: int) -> None:
    found = ranks.schedule(total)
    assert found["tinit"] < total - found["tfinal"]
    assert (total - found["tinit"] - found["tfinal"]) / found["deltaT"] <= 51
