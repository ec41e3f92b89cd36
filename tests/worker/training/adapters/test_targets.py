"""Parts of a model that learn: found by name, refused in words, right for each architecture."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, MixtralConfig, Phi3Config

from storage.errors import StudioError
from tests.fakes.training_home import TrainingHome, conversations
from worker.training.adapters import targets

SHAPE = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 1, "pad_token_id": 0,
}  # fmt: skip


def asked(rank: int = 4, *modules: str) -> Any:
    return SimpleNamespace(rank=rank, target_modules=modules)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target_modules": ("q_porj",)}, "no part named q_porj. Did you mean q_proj"),
        ({"target_modules": ("lm_head",)}, "output layer lm_head cannot learn"),
        ({"target_modules": ("embed_tokens",)}, "embed_tokens is no linear layer"),
        ({"target_modules": ("mlp",)}, "mlp is no linear layer"),
        ({"rank": 17}, "17 is above the size of model.layers.0.self_attn.k_proj, which is 32 x 16"),
        ({"rank": 33, "adapter": "adalora", "target_modules": ("up_proj",)}, "which is 32 x 64"),
        ({"adapter": "ia3", "target_modules": ("w_q",)}, "no part named w_q"),
    ],
)
def test_what_is_not_there_is_refused_before_the_first_step(
    home: TrainingHome, llama: Path, changes: dict[str, Any], words: str
) -> None:
    home.queue(home.dataset(conversations(9)), home.base_model(llama), eval_share=0.0, **changes)
    with pytest.raises(StudioError) as caught:
        home.train()
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_part_can_be_named_by_more_than_its_last_name(llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    spec = asked(16, "layers.1.self_attn.k_proj", "mlp.up_proj")
    assert targets.low_rank(spec, model) == ["layers.1.self_attn.k_proj", "mlp.up_proj"]
    assert targets.low_rank(asked(16), model) == "all-linear"


def test_experts_in_one_piece_are_left_out_and_attention_learns() -> None:
    model = AutoModelForCausalLM.from_config(MixtralConfig(**SHAPE, num_local_experts=2))
    assert targets.left_out(model) == ["experts"]
    names = targets.low_rank(asked(), model)
    assert {name.rsplit(".", 1)[-1] for name in names} == {"q_proj", "k_proj", "v_proj", "o_proj"}


def test_ia3_scales_what_goes_into_the_second_half_of_the_feedforward_part(
    llama: Path, gpt2: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    assert targets.scaled(asked(), model) == (["k_proj", "v_proj", "down_proj"], ["down_proj"])
    named = targets.scaled(asked(4, "q_proj", "mlp.down_proj"), model)
    assert named == (["q_proj", "mlp.down_proj"], ["down_proj"])
    turned = AutoModelForCausalLM.from_pretrained(gpt2)
    assert targets.scaled(asked(), turned) == (["c_attn", "mlp.c_proj"], ["mlp.c_proj"])
    both = targets.scaled(asked(4, "c_proj"), turned)
    assert both == (["c_proj"], ["mlp.c_proj"]), "that of attention is scaled on its way out"
    fused = AutoModelForCausalLM.from_config(Phi3Config(**SHAPE))
    assert targets.scaled(asked(), fused) == (["qkv_proj", "down_proj"], ["down_proj"])
