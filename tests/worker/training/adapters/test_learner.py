"""What the trainer does for the sake of the adapter: two speeds, and float32 for what learns."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from storage.errors import StudioError
from tests.fakes.training_home import TrainingHome, conversations
from worker.training import adapting, recipe


@pytest.mark.parametrize("optimizer", ["adamw_torch", "adamw_bnb_8bit", "lion_8bit"])
def test_the_second_matrix_learns_so_many_times_faster(
    home: TrainingHome, llama: Path, optimizer: str
) -> None:
    """The first step of Adam and Lion moves each number by the learning rate, whatever its size."""
    settings = {"max_steps": 1, "scheduler": "constant", "warmup_ratio": 0.0, "eval_share": 0.0}
    speeds = {"lora_plus_ratio": 16.0, "learning_rate": 1e-3, "optimizer": optimizer}
    home.queue(home.dataset(conversations(8)), home.base_model(llama), **settings, **speeds)
    run, _ = home.train()
    assert home.curve(run.id, "learning_rate") == {1: pytest.approx(1e-3)}
    published = load_file(home.adapter_folder(run.id) / "adapter_model.safetensors")
    moved = torch.cat([value.flatten() for name, value in published.items() if "lora_B" in name])
    assert moved.abs().max() == pytest.approx(16e-3, rel=1e-2)


@pytest.mark.parametrize("changes", [{"quantization": "nf4"}, {"adapter": "full"}])
def test_what_learns_is_float32(
    home: TrainingHome, llama: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: set[torch.dtype] = set()
    begin = adapting.begin

    def watched(job: Any, trainer: Any) -> Any:
        learning = [one for one in trainer.model.parameters() if one.requires_grad]
        kinds.update(parameter.dtype for parameter in learning)
        return begin(job, trainer)

    monkeypatch.setattr(recipe.adapting, "begin", watched)
    home.queue(home.dataset(conversations(8)), home.base_model(llama), max_steps=1, **changes)
    home.train()
    assert kinds == {torch.float32}


def test_a_model_too_large_to_learn_as_a_whole_is_refused_with_advice(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = adapting.psutil.virtual_memory()._replace(available=100_000)
    monkeypatch.setattr(adapting.psutil, "virtual_memory", lambda: free)
    home.queue(home.dataset(conversations(8)), home.base_model(llama), adapter="full", max_steps=1)
    with pytest.raises(StudioError, match=r"more memory; 0\.0 GB are free") as caught:
        home.train()
    assert "LoRA" in caught.value.hint
