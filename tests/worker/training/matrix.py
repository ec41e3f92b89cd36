"""What trains with what: families, methods, adapters and quantizations, and the cells to try."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from transformers import (
    BloomConfig,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    MixtralConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)
from transformers.models.gemma3n.configuration_gemma3n import Gemma3nTextConfig

from storage import combinations
from storage.specs import RunSpec
from tests.fakes.training_home import QUICK, Rows, conversations

SHAPE: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
_HEADS = {"head_dim": 16}
_GEMMA = {**_HEADS, "query_pre_attn_scalar": 16, "sliding_window": 32}
_GEMMA_3N = {
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": 300,
    "laurel_rank": 4,
    "num_kv_shared_layers": 0,
    "layer_types": ["sliding_attention", "full_attention"],
    "activation_sparsity_pattern": [0.0, 0.0],
    "pad_token_id": 299,  # its vector is zero in a fresh model, and Gemma 3n has none of length 0
}
_OLD = {"vocab_size": 300, "bos_token_id": 0, "eos_token_id": 0}

FAMILIES: dict[str, Callable[[], PreTrainedConfig]] = {
    "Llama 3, SmolLM": lambda: LlamaConfig(**SHAPE),
    "Phi-3, Phi-4-mini": lambda: Phi3Config(**SHAPE),
    "Mistral": lambda: MistralConfig(**SHAPE, sliding_window=None),
    "Mixtral": lambda: MixtralConfig(**SHAPE, num_local_experts=2, num_experts_per_tok=1),
    "Qwen2.5": lambda: Qwen2Config(**SHAPE),
    "Qwen3": lambda: Qwen3Config(**SHAPE, **_HEADS),
    "Gemma 3": lambda: Gemma3TextConfig(**SHAPE, **_GEMMA),
    "Gemma 3n": lambda: Gemma3nTextConfig(**{**SHAPE, **_HEADS, **_GEMMA_3N}),
    "GPT-2, DialoGPT": lambda: GPT2Config(**_OLD, n_embd=32, n_layer=2, n_head=2, n_positions=256),
    "BLOOM": lambda: BloomConfig(**_OLD, hidden_size=32, n_layer=2, n_head=2, pad_token_id=0),
    "SmolLM3": lambda: SmolLM3Config(**SHAPE),
}
"""Each family as a tiny model of its very architecture."""

METHODS = {
    "SFT": "sft",
    "Pretraining": "pretrain",
    "DPO": "dpo",
    "KTO": "kto",
    "ORPO": "orpo",
    "Reward": "reward",
    "Distillation": "distill",
}

ADAPTERS: dict[str, dict[str, Any]] = {
    "LoRA": {},
    "rsLoRA": {"use_rslora": True},
    "DoRA": {"use_dora": True},
    "PiSSA": {"beginning": "pissa"},
    "OLoRA": {"beginning": "olora"},
    "EVA": {"beginning": "eva"},
    "LoftQ": {"beginning": "loftq"},
    "LoRA+": {"lora_plus_ratio": 16.0},
    "AdaLoRA": {"adapter": "adalora", "final_rank": 2},
    "IA3": {"adapter": "ia3"},
    "Whole model": {"adapter": "full"},
}

QUANTIZATIONS = {"none": "none", "8-bit": "8bit", "nf4": "nf4", "fp4": "fp4"}

FIRST = ("Llama 3, SmolLM", "SFT", "LoRA", "none")
"""What the tables hold fixed while two others vary."""


@dataclass(frozen=True)
class Cell:
    """One combination, by the names of the tables."""

    family: str
    method: str
    adapter: str
    quantization: str

    @property
    def name(self) -> str:
        """What it differs in from FIRST, for the test's name."""
        mine = (self.family, self.method, self.adapter, self.quantization)
        return (
            "-".join(one for one, usual in zip(mine, FIRST, strict=True) if one != usual) or "SFT"
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of its run, beside those of every tiny run."""
        chosen = {"method": METHODS[self.method], **ADAPTERS[self.adapter]}
        teacher = {"teacher_model_id": "teacher"} if self.method == "Distillation" else {}
        return {**QUICK, **COMMON, **chosen, **teacher, "quantization": self.shrunk}

    @property
    def shrunk(self) -> str:
        """How the base is loaded: LoftQ is about nothing but a base in 4 bits."""
        wanted = QUANTIZATIONS[self.quantization]
        return "nf4" if self.adapter == "LoftQ" and wanted == "none" else wanted

    @property
    def model_type(self) -> str:
        """The architecture, as config.json names it."""
        return FAMILIES[self.family]().model_type

    @property
    def refusal(self) -> str:
        """Why it is refused, in the person's words; empty where it trains."""
        spec = RunSpec(dataset_id="data", base_model_id="model", **self.settings)
        return " ".join(fault.message for fault in combinations.faults(spec, self.model_type))


COMMON: dict[str, Any] = {
    "max_steps": 2,
    "eval_share": 0.0,
    "max_length": 80,
    "answer_tokens": 4,
    "precision": "float32",
}


def cells() -> Iterator[Cell]:
    """Yield the cells of all tables, each once."""
    family, method, adapter, quantization = FIRST
    found = [
        *(Cell(one, other, adapter, quantization) for one in FAMILIES for other in METHODS),
        *(Cell(family, one, other, quantization) for one in METHODS for other in ADAPTERS),
        *(Cell(family, method, one, other) for one in ADAPTERS for other in QUANTIZATIONS),
        *(Cell(one, method, adapter, other) for one in FAMILIES for other in QUANTIZATIONS),
    ]
    yield from dict.fromkeys(found)


def rows_for(method: str) -> Rows:
    """Return rows that a method learns from."""
    talks = [row["messages"] for row in conversations(8)]
    if method == "Pretraining":
        return [{"text": f"{turns[0]['content']} {turns[1]['content']}"} for turns in talks]
    if method in ("DPO", "ORPO", "Reward"):
        worse = {"role": "assistant", "content": "No."}
        return [{"prompt": t[:1], "chosen": t[1:], "rejected": [worse]} for t in talks]
    if method == "KTO":
        return [
            {"prompt": turns[:1], "completion": turns[1:], "label": number % 2 == 0}
            for number, turns in enumerate(talks)
        ]
    return conversations(8)
