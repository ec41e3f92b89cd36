"""The factors that adapters begin with: as their papers and PEFT have them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from storage.errors import StudioError
from tests.fakes.training_home import TrainingHome, conversations
from worker.training.adapters import beginnings
from worker.training.adapters.beginnings import KEPT

RANK, ALPHA = 4, 8
SCALING = ALPHA / RANK


@pytest.mark.parametrize("beginning", ["pissa", "olora"])
def test_a_part_of_the_base_is_taken_out_as_in_peft(llama: Path, beginning: str) -> None:
    config = LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=["q_proj"], init_lora_weights=beginning
    )
    theirs = get_peft_model(AutoModelForCausalLM.from_pretrained(llama), config)
    ours = AutoModelForCausalLM.from_pretrained(llama).model.layers[0].self_attn.q_proj.weight
    layer = theirs.base_model.model.model.layers[0].self_attn.q_proj
    down, up = getattr(beginnings, beginning)(ours.data, RANK, SCALING)
    expected = layer.lora_B["default"].weight @ layer.lora_A["default"].weight
    torch.testing.assert_close(up @ down, expected.detach(), atol=1e-6, rtol=1e-5)
    rest = ours.data - SCALING * up @ down
    torch.testing.assert_close(rest, layer.get_base_layer().weight.data, atol=1e-6, rtol=1e-5)


def test_a_large_weight_is_decomposed_in_rounds_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    falling = torch.diag(0.8 ** torch.arange(64.0))
    weight = torch.randn(96, 64).svd()[0][:, :64] @ falling
    exact = [factor.clone() for factor in beginnings.pissa(weight, RANK, SCALING)]
    monkeypatch.setattr(beginnings, "_LARGE", 16)
    before = torch.random.get_rng_state()
    down, up = beginnings.pissa(weight, RANK, SCALING)
    torch.testing.assert_close(up @ down, exact[1] @ exact[0], atol=1e-5, rtol=1e-4)
    assert torch.equal(torch.random.get_rng_state(), before), "no say in what comes after"


def test_an_orthogonal_beginning_adds_nothing() -> None:
    down, up = beginnings.orthogonal(torch.empty(24, 32), RANK, SCALING)
    assert (down.shape, up.shape) == ((RANK, 32), (24, RANK))
    assert (up @ down).abs().max() < 1e-6 < 1e-2 < min(down.abs().max(), up.abs().max())


def test_loftq_makes_up_for_as_much_of_what_was_lost_as_the_rank_allows(
    home: TrainingHome, llama: Path
) -> None:
    """No product of that rank is nearer to what was lost (Eckart and Young, 1936)."""
    settings = {"beginning": "loftq", "quantization": "nf4", "eval_share": 0.0, "max_steps": 1}
    home.queue(home.dataset(conversations(8)), home.base_model(llama), **settings)
    run, _ = home.train()
    kept = load_file(home.files.run(run.id) / "beginning" / KEPT)
    name = "base_model.model.model.layers.1.mlp.down_proj"
    added = SCALING * kept[f"{name}.lora_B.weight"] @ kept[f"{name}.lora_A.weight"]
    lost = whole_weight(llama) - shrunk_weight(llama)
    values = torch.linalg.svdvals(lost)
    left = torch.linalg.norm(lost - added)
    torch.testing.assert_close(left, values[RANK:].square().sum().sqrt(), rtol=1e-4, atol=1e-6)
    assert left < torch.linalg.norm(lost)


def whole_weight(folder: Path) -> torch.Tensor:
    weight: torch.Tensor = load_file(folder / "model.safetensors")[
        "model.layers.1.mlp.down_proj.weight"
    ]
    return weight


def shrunk_weight(folder: Path) -> torch.Tensor:
    """Return the weight as 4 bits keep it, by the library itself."""
    functional = pytest.importorskip("bitsandbytes.functional")
    shrunk, state = functional.quantize_4bit(
        whole_weight(folder), quant_type="nf4", compress_statistics=True
    )
    found: torch.Tensor = functional.dequantize_4bit(shrunk, state)
    return found


def test_eva_begins_with_the_directions_of_the_data_and_shares_out_the_ranks(
    home: TrainingHome, llama: Path
) -> None:
    settings = {"beginning": "eva", "eval_share": 0.0, "max_steps": 1, "learning_rate": 1e-9}
    home.queue(home.dataset(conversations(24)), home.base_model(llama), **settings)
    run, _ = home.train()
    assert run.facts is not None
    ranks = run.facts["ranks"]
    assert sum(ranks.values()) == RANK * 14, "as many in all as with the same everywhere"
    assert len(set(ranks.values())) > 1
    published = load_file(home.adapter_folder(run.id) / "adapter_model.safetensors")
    down = published["base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight"]
    seen = inputs_of(llama, "model.layers.0.self_attn.o_proj", examples(home))
    _, _, directions = torch.linalg.svd(seen - seen.mean(0), full_matrices=False)
    assert abs(torch.dot(down[0], directions[0])) > 0.95
    assert abs(torch.dot(down[1], directions[1])) > 0.9


def examples(home: TrainingHome) -> list[tuple[list[int], list[bool]]]:
    """Return the tokens of each row as the template writes them, and which of them are learned."""
    rows = [row["messages"] for row in conversations(24)]
    texts = [(f"user: {asked['content']}assistant: ", said["content"]) for asked, said in rows]
    return [
        ([*map(token, before + after)], [False] * len(before) + [True] * len(after))
        for before, after in texts
    ]


def token(letter: str) -> int:
    """Return a letter's token: the fake tokenizer has one a byte, in the order of its alphabet."""
    from tokenizers import pre_tokenizers  # noqa: PLC0415 (read after the libraries are quieted)

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return 1 + alphabet.index("Ġ" if letter == " " else letter)


@torch.no_grad()
def inputs_of(folder: Path, name: str, rows: list[tuple[list[int], list[bool]]]) -> torch.Tensor:
    """Return what flows into a layer at the learned positions, shape [tokens, inputs]."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder).eval()
    found: list[torch.Tensor] = []
    model.get_submodule(name).register_forward_pre_hook(lambda _, given: found.append(given[0][0]))
    for ids, learned in rows:
        model(input_ids=torch.tensor([ids]))
        found[-1] = found[-1][torch.tensor(learned)]
    return torch.cat(found)


def test_eva_with_less_data_than_directions_says_so(home: TrainingHome, llama: Path) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes"}]
    home.queue(
        home.dataset([{"messages": turns}]),
        home.base_model(llama),
        beginning="eva",
        eval_share=0.0,
        rank=8,
    )
    with pytest.raises(StudioError, match="EVA looks for 8 directions") as caught:
        home.train()
    assert "3 tokens" in caught.value.message
