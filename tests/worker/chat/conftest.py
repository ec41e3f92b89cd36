"""Tiny real models with real adapters, built once for the folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from storage.errors import NotFound
from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine
from worker.chat.prompts import Prompts

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SENTENCES = [
    "Drink water and rest when you have a cold.",
    "A fever is a body temperature above 38 degrees.",
    "user assistant system Wash your hands often, ünïcödé 漢字 🙂.",
]
CONTEXT = 512


def pytest_configure(config: pytest.Config) -> None:
    """Names the one warning that PEFT 0.21 itself raises with transformers 5.23."""
    config.addinivalue_line(
        "filterwarnings", "ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"
    )


@dataclass(frozen=True)
class Family:
    """A base model with its adapters, all in folders."""

    base: Path
    adapters: dict[str, Path]

    def contestant(self, name: str | None = None) -> Contestant:
        """The base alone, or with the adapter of this name."""
        folder = None if name is None else self.adapters[name]
        label = "base:1" if name is None else f"adapter:{name}"
        return Contestant(label, name or "Tiny", self.base, folder, "1")

    def prompt(self, text: str) -> list[int]:
        """Token ids of `text` without any template."""
        tokenizer = PreTrainedTokenizerFast.from_pretrained(self.base)
        return list(tokenizer.encode(text, add_special_tokens=False))


class FolderCatalogue:
    """A catalogue over what a test made."""

    def __init__(self, contestants: list[Contestant]) -> None:
        self._contestants = contestants

    def contestants(self) -> list[Contestant]:
        return self._contestants

    def find(self, name: str) -> Contestant:
        for contestant in self._contestants:
            if contestant.name == name:
                return contestant
        raise NotFound(f"There is no model called {name}.")


def make_tokenizer(folder: Path, template: str | None = TEMPLATE) -> int:
    """Trains a byte-level tokenizer into `folder`; returns its vocabulary size."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[AddedToken(text, special=True) for text in specials],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(SENTENCES, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def make_base(folder: Path, kind: str = "llama", **changes: Any) -> PreTrainedModel:
    """A tiny random model with its tokenizer, saved into `folder`."""
    torch.manual_seed(1)
    sizes: dict[str, Any] = {
        "vocab_size": make_tokenizer(folder),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.3,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
        **changes,
    }
    model = (
        LlamaForCausalLM(LlamaConfig(**sizes))
        if kind == "llama"
        else Qwen2ForCausalLM(Qwen2Config(**sizes))
    )
    model.eval().save_pretrained(folder)
    return model


def make_adapter(base: Path, folder: Path, seed: int, **settings: Any) -> Path:
    """A LoRA adapter with random weights that visibly change the answers, saved by PEFT."""
    torch.manual_seed(seed)
    kind = LlamaForCausalLM if "llama" in base.name else Qwen2ForCausalLM
    model = get_peft_model(
        kind.from_pretrained(base),
        LoraConfig(
            **{
                "r": 4,
                "lora_alpha": 8,
                "target_modules": "all-linear",
                "init_lora_weights": False,
                "task_type": "CAUSAL_LM",
                **settings,
            }
        ),
    )
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "magnitude" in name:
                weight.mul_(1 + 0.5 * torch.rand_like(weight))
    model.save_pretrained(folder)
    return folder


def make_scales(base: Path, folder: Path, seed: int, feedforward: list[str]) -> Path:
    """An IA3 adapter with random factors around one, saved by PEFT."""
    torch.manual_seed(seed)
    kind = LlamaForCausalLM if "llama" in base.name else Qwen2ForCausalLM
    config = IA3Config(
        target_modules=["k_proj", "v_proj", "down_proj"],
        feedforward_modules=feedforward,
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(kind.from_pretrained(base), config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "ia3" in name:
                weight.add_(torch.randn_like(weight))
    model.save_pretrained(folder)
    return folder


ADAPTERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "wide": {"r": 12, "lora_alpha": 16, "use_rslora": True},
    "attention": {"r": 3, "lora_alpha": 7, "target_modules": ["q_proj", "v_proj"]},
    "patterned": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"down_proj": 3}},
    "dora": {"use_dora": True},
}


SCALES: dict[str, list[str]] = {"scaled": ["down_proj"], "scaled after": []}
"""Adapters that multiply, by which layers' inputs they do; of the others the outputs."""


@pytest.fixture(scope="session", params=["llama", "qwen2"])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    """Each architecture with every kind of adapter."""
    return make_family(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Family:
    """One family, where the architecture does not matter."""
    return make_family(tmp_path_factory.mktemp("llama"), "llama")


def make_family(folder: Path, kind: str) -> Family:
    """A base model and its adapters below `folder`."""
    base = folder / f"{kind}-base"
    make_base(base, kind)
    adapters = {
        name: make_adapter(base, folder / name, seed, **settings)
        for seed, (name, settings) in enumerate(ADAPTERS.items(), start=10)
    }
    for seed, (name, feedforward) in enumerate(SCALES.items(), start=20):
        adapters[name] = make_scales(base, folder / name, seed, feedforward)
    return Family(base, adapters)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A running engine."""
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def prompts() -> Iterator[Prompts]:
    """The renderer, one for all tests: starting it takes seconds."""
    prompts = Prompts(seconds=5)
    yield prompts
    prompts.close()


def make_classifier(base: Path, folder: Path) -> Path:
    """A tiny random classifier of texts, fine or harmful, with the tokenizer of `base`."""
    torch.manual_seed(3)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    config = BertConfig(
        vocab_size=len(tokenizer),
        num_attention_heads=2,
        id2label={0: "fine", 1: "harmful"},
        label2id={"fine": 0, "harmful": 1},
        **sizes,
    )
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
