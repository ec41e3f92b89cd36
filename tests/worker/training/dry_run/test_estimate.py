"""A dry run says what a real step takes, by the same recipe's trainer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import LlamaConfig

from storage import specs
from storage.errors import StudioError
from tests.fakes import tiny_models
from worker.training import models, precision
from worker.training.dry_run import estimate, shapes, trainers
from worker.training.dry_run.material import Case

pytestmark = [
    pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning"),  # PEFT asks it
    pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor:UserWarning"),
]

WIDTH, LAYERS, WORDS = 64, 2, 300


def folder_of(folder: Path, layers: int = LAYERS) -> Path:
    """Write a tiny model folder."""
    tiny_models.save_tokenizer(folder, WORDS)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=WIDTH, intermediate_size=192, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True, pad_token_id=0,
    )  # fmt: skip
    tiny_models.save_model(folder, config)
    return folder


def case_of(folder: Path, **changes: Any) -> Case:
    """Return two texts of 128 tokens with these settings."""
    usual = {"dataset_id": "d", "base_model_id": "b", "batch_size": 2, "max_length": 128, "rank": 4}
    spec = specs.parse({**usual, "packing": False, **changes})
    return Case(spec, folder, (128, 128), learned=0.5)


def real_step(case: Case, folder: Path) -> int:
    """Return the allocator's peak of a step with real numbers, model and all."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as taken:
        formats = precision.of(case.spec, case.folder)
        model = models.load_model(case.folder, case.spec, formats)
        held = [one.clone() for one in model.parameters()]  # the file's own are only looked into
        for parameter, copy in zip(model.parameters(), held, strict=True):
            parameter.data = copy
        del held
        ready = trainers.make(case, model, formats, folder)
        ready.trainer.args.max_steps = 2
        with ready.steps():
            ready.trainer.train()
    events = taken.profiler.kineto_results.events()
    at, most, now = [], 0, 0
    size = (case.folder / "model.safetensors").stat().st_size
    at = sorted((one for one in events if one.name() == "[memory]"), key=lambda one: one.start_ns())
    for event in at:
        now += event.nbytes() if abs(abs(event.nbytes()) - size) > 256 else 0
        most = max(most, now)
    return most


@pytest.mark.parametrize(
    "changes",
    [{"precision": "float32"}, {"precision": "float32", "path": "plain", "adapter": "full"}],
    ids=["fast", "plain-full"],
)
def test_it_is_near_what_a_real_step_takes(changes: dict[str, Any], tmp_path: Path) -> None:
    case = case_of(folder_of(tmp_path / "model"), **changes)
    told = estimate.of(case)["bytes"]
    assert told == pytest.approx(real_step(case, tmp_path / "work"), rel=0.05)


def test_layers_that_are_not_tried_are_counted(tmp_path: Path, monkeypatch: Any) -> None:
    case = case_of(folder_of(tmp_path, layers=5), precision="float32", gradient_checkpointing=True)
    monkeypatch.setattr(estimate, "_DEEP", 5)
    from_few = estimate.of(case)
    monkeypatch.setattr(estimate, "_DEEP", 6)
    from_all = estimate.of(case)
    assert from_few["bytes"] == pytest.approx(from_all["bytes"], rel=0.001)
    assert from_few["parts"] == pytest.approx(from_all["parts"], rel=0.01)


def test_the_parts_are_what_they_are_called(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    parts = estimate.of(case_of(folder, precision="float32"))["parts"]
    count = sum(one.numel() for one in models.load_model(
        folder, case_of(folder).spec, precision.of(case_of(folder, precision="float32").spec)
    ).parameters())  # fmt: skip
    assert parts["weights"] == pytest.approx(4 * count, rel=0.01)
    assert parts["gradients"] == parts["adapter"]
    assert parts["optimizer"] == pytest.approx(2 * parts["adapter"], rel=0.01)


def test_four_bits_are_counted_as_four_bits(tmp_path: Path) -> None:
    config = shapes.read_config(folder_of(tmp_path))
    case = case_of(tmp_path, quantization="nf4", precision="float32")
    parts = estimate.of(case)["parts"]
    linear = LAYERS * WIDTH * (2 * WIDTH + 2 * WIDTH // 2 + 3 * config.intermediate_size)
    rest = WORDS * WIDTH + WIDTH * (2 * LAYERS + 1)
    codes = LAYERS * 7 * (16 + 256)  # of each shrunk weight, and of its scales
    assert parts["weights"] == pytest.approx(4 * (rest + codes) + 0.52 * linear, rel=0.02)


def test_what_writes_while_it_learns_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="cannot be tried"):
        estimate.of(case_of(tmp_path, method="distill", teacher_model_id="t"))


def test_nothing_real_is_left_behind(tmp_path: Path) -> None:
    swap = torch.utils.swap_tensors
    estimate.of(case_of(folder_of(tmp_path), precision="float32", method="orpo"))
    assert torch.utils.swap_tensors is swap
    assert torch.zeros(3).sum().item() == 0.0
    assert type(torch.zeros(3)) is torch.Tensor
