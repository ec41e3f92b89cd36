"""Adapters are refused in words before they can spoil an answer or run code."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel

from storage.errors import StudioError
from tests.worker.chat.conftest import Family, make_adapter, make_base
from worker.chat import adapters


@pytest.fixture
def model(llama: Family) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(llama.base)


@pytest.fixture
def folder(llama: Family, tmp_path: Path) -> Path:
    """A good adapter that a test may damage."""
    return Path(shutil.copytree(llama.adapters["plain"], tmp_path / "Mine"))


def set_config(folder: Path, **changes: Any) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_weights(folder: Path, change: dict[str, torch.Tensor | None]) -> None:
    """Replaces tensors by name; None takes one away."""
    path = folder / "adapter_model.safetensors"
    tensors = {**load_file(path), **change}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)


def first_key(folder: Path, ending: str) -> str:
    keys = load_file(folder / "adapter_model.safetensors")
    return next(key for key in sorted(keys) if key.endswith(ending))


def refusal(folder: Path, model: PreTrainedModel) -> str:
    with pytest.raises(StudioError) as caught:
        adapters.load(folder, model)
    assert '"Mine"' in caught.value.message, "the sentence names the adapter"
    return caught.value.message


def test_a_good_adapter_takes_the_memory_of_its_file(folder: Path, model: PreTrainedModel) -> None:
    weights = (folder / "adapter_model.safetensors").stat().st_size
    loaded = adapters.load(folder, model)
    assert len(loaded.layers) == 14, "seven linear layers in each of two blocks"
    assert 0.8 * weights < loaded.bytes <= weights


def test_an_adapter_for_another_width_names_both(folder: Path, tmp_path: Path) -> None:
    wide = make_base(tmp_path / "llama-wide", hidden_size=96)
    assert refusal(folder, wide) == (
        'The adapter "Mine" was made for hidden size 64, this model has 96.'
    )


def test_an_adapter_for_a_deeper_model_names_both(model: PreTrainedModel, tmp_path: Path) -> None:
    make_base(tmp_path / "llama-deep", num_hidden_layers=3)
    folder = make_adapter(tmp_path / "llama-deep", tmp_path / "Mine", seed=1)
    assert "made for a model with at least 3 layers, this model has 2" in refusal(folder, model)


def test_an_adapter_for_another_inner_width_names_the_place(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    make_base(tmp_path / "llama-inner", intermediate_size=160)
    folder = make_adapter(tmp_path / "llama-inner", tmp_path / "Mine", seed=1)
    assert "160 x 64 weights at model.layers.0.mlp.down_proj" in refusal(folder, model)


def test_an_adapter_for_a_shallower_model_is_not_taken(
    model: PreTrainedModel, tmp_path: Path
) -> None:
    make_base(tmp_path / "llama-flat", num_hidden_layers=1)
    everywhere = {"target_modules": ["q_proj", "v_proj"]}
    folder = make_adapter(tmp_path / "llama-flat", tmp_path / "Mine", seed=1, **everywhere)
    assert "incomplete" in refusal(folder, model)


@pytest.fixture
def scales(llama: Family, tmp_path: Path) -> Path:
    """A good IA3 adapter that a test may damage."""
    return Path(shutil.copytree(llama.adapters["scaled"], tmp_path / "Mine"))


def test_an_ia3_adapter_for_another_width_names_both(scales: Path, tmp_path: Path) -> None:
    wide = make_base(tmp_path / "llama-wide", intermediate_size=160)
    words = refusal(scales, wide)
    assert "made for 128 numbers at model.layers.0.mlp.down_proj, this model has 160" in words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_model.model.model.layers.1.self_attn.k_proj.ia3_l": None}, "layers.1.self_attn.k"),
        ({"base_model.model.model.norm.weight": torch.ones(64)}, "holds model.norm.weight"),
    ],
)
def test_an_ia3_adapter_with_more_or_less_than_its_settings_say_is_refused(
    scales: Path, model: PreTrainedModel, change: dict[str, torch.Tensor | None], words: str
) -> None:
    change_weights(scales, change)
    assert words in refusal(scales, model)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_numbers_are_refused(
    folder: Path, model: PreTrainedModel, value: float
) -> None:
    key = first_key(folder, "lora_B.weight")
    weight = load_file(folder / "adapter_model.safetensors")[key]
    weight[0, 0] = value
    change_weights(folder, {key: weight})
    assert "not numbers" in refusal(folder, model)


def test_a_missing_tensor_is_noticed(folder: Path, model: PreTrainedModel) -> None:
    change_weights(folder, {first_key(folder, "lora_A.weight"): None})
    assert "incomplete: lora_A of" in refusal(folder, model)


def test_a_missing_layer_is_noticed(folder: Path, model: PreTrainedModel) -> None:
    gone = "base_model.model.model.layers.1.mlp.up_proj.lora_{}.weight"
    change_weights(folder, {gone.format("A"): None, gone.format("B"): None})
    assert "incomplete" in refusal(folder, model)


def test_a_foreign_tensor_is_refused(folder: Path, model: PreTrainedModel) -> None:
    change_weights(folder, {"base_model.model.model.embed_tokens.weight": torch.ones(2, 2)})
    assert "embed_tokens" in refusal(folder, model)


def test_a_rank_unlike_the_settings_is_refused(folder: Path, model: PreTrainedModel) -> None:
    set_config(folder, r=8)
    assert "says rank 8, its weights" in refusal(folder, model)


def test_an_absurd_scale_is_refused(folder: Path, model: PreTrainedModel) -> None:
    set_config(folder, lora_alpha=10**9)
    assert "scales its changes by 2.5e+08" in refusal(folder, model)


def test_a_cut_off_file_is_refused(folder: Path, model: PreTrainedModel) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:3000])
    assert "damaged" in refusal(folder, model)


def test_a_pickle_is_never_opened(folder: Path, model: PreTrainedModel, tmp_path: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()
    canary = tmp_path / "opened"
    (folder / "adapter_model.bin").write_bytes(
        b"cpathlib\nPath.touch\n(cpathlib\nPath\n(V" + str(canary).encode() + b"\ntRtR."
    )
    assert "a format that can run code" in refusal(folder, model)
    assert not canary.exists()


def test_a_pickle_beside_good_weights_is_left_alone(folder: Path, model: PreTrainedModel) -> None:
    (folder / "adapter_model.bin").write_bytes(b"not even a pickle")
    adapters.load(folder, model)


@pytest.mark.parametrize("text", ["", "{", "[]", '"LORA"'])
def test_damaged_settings_are_refused(folder: Path, model: PreTrainedModel, text: str) -> None:
    (folder / "adapter_config.json").write_text(text)
    assert "adapter_config.json" in refusal(folder, model)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"peft_type": "LOHA"}, "of the kind LOHA"),
        ({"peft_type": None}, "of the kind None"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias=all"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"frobnicate": 3}, "does not know: frobnicate"),
        ({"trainable_token_indices": [1]}, "but not the tokenizer that knows them"),
    ],
)
def test_what_the_mixed_batch_does_not_compute_is_refused(
    folder: Path, model: PreTrainedModel, changes: dict[str, Any], words: str
) -> None:
    set_config(folder, **changes)
    assert words in refusal(folder, model)


def test_the_base_the_adapter_names_is_never_fetched(folder: Path, model: PreTrainedModel) -> None:
    set_config(folder, base_model_name_or_path="somebody/else", revision="main")
    adapters.load(folder, model)
