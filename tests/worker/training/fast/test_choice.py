"""What is computed in the fast way equals each row computed alone, for every architecture."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from worker.training.fast import answer_loss, attention, choice, layers, norms, rows
from worker.training.fast.choice import Choice

# PEFT still asks by the old name, and has a pattern for layers that a Mixtral may not have.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The following .*_pattern keys:RuntimeWarning"),
]

SHAPE = {
    "vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip
HEADS_OF_8 = {**SHAPE, "head_dim": 8}
LAYERS = ["sliding_attention", "full_attention"]
SMALL = {"vocab_size": 300, "n_layer": 2, "n_head": 4}

ALL_FAST = (True, True, True)
"""Attention by row, loss at the answers, fewer passes."""

FAMILIES: dict[str, tuple[PreTrainedConfig, tuple[bool, bool, bool]]] = {
    "llama": (LlamaConfig(**SHAPE), ALL_FAST),
    "qwen2": (Qwen2Config(**SHAPE), ALL_FAST),
    "qwen3": (Qwen3Config(**HEADS_OF_8), ALL_FAST),
    "mistral": (MistralConfig(**SHAPE, sliding_window=None), ALL_FAST),
    "mistral, window": (MistralConfig(**SHAPE, sliding_window=6), ALL_FAST),
    "mixtral": (MixtralConfig(**SHAPE, num_local_experts=4), ALL_FAST),
    "gemma3": (Gemma3TextConfig(**HEADS_OF_8, sliding_window=6, layer_types=LAYERS), ALL_FAST),
    "phi3": (Phi3Config(**SHAPE, pad_token_id=0), ALL_FAST),
    "gpt2": (GPT2Config(**SMALL, n_embd=32, n_positions=256), (True, True, False)),
    "bloom": (BloomConfig(**SMALL, hidden_size=32), (False, True, True)),
    "gemma2": (Gemma2Config(**HEADS_OF_8, sliding_window=6), (False, True, True)),
    "granite": (GraniteConfig(**SHAPE, logits_scaling=4.0), (True, False, True)),
}

LENGTHS = (7, 30, 1, 12)


def adapted(config: PreTrainedConfig) -> Any:
    """Return a model whose adapter already does something, and whose logits are not tiny."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    is_gpt2 = isinstance(config, GPT2Config)
    lora = LoraConfig(
        task_type="CAUSAL_LM", r=4, target_modules="all-linear", init_lora_weights=False,
        fan_in_fan_out=is_gpt2,
    )  # fmt: skip
    for weight in model.parameters():
        weight.data.mul_(4) if weight.dim() > 1 else None
    return get_peft_model(model, lora).eval()


@contextmanager
def as_chosen(model: Any, chosen: Choice) -> Iterator[None]:
    core = choice.core_of(model)
    with ExitStack() as ways:
        if chosen.by_row:
            ways.enter_context(attention.by_row(core))
        if chosen.head:
            ways.enter_context(answer_loss.installed(core, chosen.head))
        if chosen.passes:
            ways.enter_context(layers.quick(core))
        yield


def examples() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randint(300, (1, length), generator=generator) for length in LENGTHS]


def gradients(model: Any, loss: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    names = [name for name, one in model.named_parameters() if one.requires_grad]
    learned = [one for one in model.parameters() if one.requires_grad]
    found = torch.autograd.grad(loss, learned, allow_unused=True)
    pairs = zip(names, found, strict=True)
    return loss.detach(), {name: one for name, one in pairs if one is not None}


def each_alone(model: Any) -> torch.Tensor:
    """The summed loss of the last half of each example, each computed alone by the library."""
    total = torch.zeros(())
    for ids in examples():
        likelihoods = model(ids, use_cache=False).logits[0, :-1].float().log_softmax(-1)
        start = max(ids.shape[1] // 2 - 1, 0)
        total = total - likelihoods.gather(1, ids[0, 1:, None])[start:].sum()
    return total


def packed(model: Any, chosen: Choice) -> torch.Tensor:
    ids = examples()
    labels = [one.clone() for one in ids]
    for one in labels:
        one[:, : max(one.shape[1] // 2, 1)] = -100
    given = {
        "input_ids": torch.cat(ids, 1),
        "labels": torch.cat(labels, 1),
        "position_ids": torch.cat([torch.arange(length) for length in LENGTHS])[None],
    }
    if chosen.head:
        return model(**given, summed=True)["loss"]
    out = model(**given, use_cache=False)
    return out.loss * (given["labels"][:, 1:] != -100).sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_are_those_of_each_row_alone(family: str) -> None:
    config, expected = FAMILIES[family]
    model = adapted(config)
    chosen = choice.choose(model, flat=True, more_loss=False)
    assert (chosen.by_row, chosen.head is not None, chosen.passes) == expected
    assert len(chosen.why_not) == expected.count(False), "what is left to the library says why"
    if family == "bloom":
        return  # its rows see each other in one block, by the library too: they are never packed
    loss, alone = gradients(model, each_alone(model))
    with as_chosen(model, chosen):
        quick_loss, quick = gradients(model, packed(model, chosen))
    torch.testing.assert_close(quick_loss, loss, rtol=1e-4, atol=0)
    assert quick.keys() == alone.keys()
    for name, one in alone.items():
        assert (quick[name] - one).abs().max() <= 1e-4 * one.abs().max(), name


def test_rounded_products_are_as_close_as_the_library_rounds_them() -> None:
    """In bfloat16 the fast way and the library's lie about equally far from float32."""
    model = adapted(FAMILIES["llama"][0])
    chosen = choice.choose(model, flat=True, more_loss=False)
    _, exact = gradients(model, each_alone(model))
    with torch.autocast("cpu", torch.bfloat16):
        _, usual = gradients(model, packed(model, Choice()))
        with as_chosen(model, chosen):
            _, quick = gradients(model, packed(model, chosen))

    def apart(found: dict[str, torch.Tensor]) -> float:
        return sum(float((found[name] - one).norm() / one.norm()) for name, one in exact.items())

    assert 0 < apart(quick) <= 1.3 * apart(usual)


def test_a_model_with_other_dropout_left_on_is_compared_without_it() -> None:
    config = LlamaConfig(**SHAPE, attention_dropout=0.5)
    model = adapted(config).train()
    chosen = choice.choose(model, flat=True, more_loss=False)
    assert chosen.by_row
    assert model.training, "it goes on as it was"


def test_what_differs_is_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    model = adapted(FAMILIES["llama"][0])
    before = {name: one.clone() for name, one in model.named_parameters()}
    attend, sum_over, shrink = rows.attend, answer_loss.sum_over, norms.forward
    monkeypatch.setattr(attention, "attend", lambda *a, **k: attend(*a, **k) * 1.001)
    monkeypatch.setattr(answer_loss, "sum_over", lambda *a: sum_over(*a) * 1.001)
    monkeypatch.setattr(norms, "fits", lambda layer: type(layer).__name__ == "LlamaRMSNorm")
    monkeypatch.setattr(norms, "forward", lambda *a: shrink(*a) * 1.001)
    chosen = choice.choose(model, flat=True, more_loss=False)
    assert (chosen.by_row, chosen.head, chosen.passes) == (False, None, False)
    assert chosen.words.startswith("plain; attention as usual: it would differ by ")
    assert len(chosen.why_not) == 3
    assert model.get_base_model().config._attn_implementation == "sdpa"
    assert all(torch.equal(before[name], one) for name, one in model.named_parameters())


def test_rows_that_are_not_one_behind_the_other_are_refused() -> None:
    core = choice.core_of(adapted(FAMILIES["llama"][0]))
    with attention.by_row(core), pytest.raises(attention.OtherAttentionError):
        core(torch.ones(2, 5, dtype=torch.long), attention_mask=torch.ones(2, 5))


def test_weights_that_learn_get_their_gradient_from_the_head() -> None:
    """The whole model learns, its head among them."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(LlamaConfig(**SHAPE, tie_word_embeddings=True)).eval()
    chosen = choice.choose(model, flat=True, more_loss=False)
    loss, alone = gradients(model, each_alone(model))
    with as_chosen(model, chosen):
        quick_loss, quick = gradients(model, packed(model, chosen))
    torch.testing.assert_close(quick_loss, loss, rtol=1e-4, atol=0)
    for name, one in alone.items():
        assert (quick[name] - one).abs().max() <= 1e-4 * one.abs().max(), name
