"""How far a base model is supported, and why: tried here, likely to work, or not."""

from dataclasses import dataclass
from enum import StrEnum

from storage.model_facts import ModelFacts


class Degree(StrEnum):
    """How far."""

    FULL = "full"
    LIKELY = "likely"
    NO = "no"


@dataclass(frozen=True)
class Support:
    """How far a base model is supported.

    Attributes:
        degree: of training it.
        reasons: why, in sentences for the person; the first says it all.
        can_chat: whether it can be talked to here, before and after its training.
    """

    degree: Degree
    reasons: tuple[str, ...]
    can_chat: bool


TRIED = {
    "llama": "Llama 3 and SmolLM",
    "mistral": "Mistral",
    "mixtral": "Mixtral",
    "phi3": "Phi-3 and Phi-4-mini",
    "qwen2": "Qwen2.5",
    "qwen3": "Qwen3",
    "gemma3_text": "Gemma 3",
    "gemma3n_text": "Gemma 3n",
    "gpt2": "GPT-2 and DialoGPT",
    "bloom": "BLOOM",
    "smollm3": "SmolLM3",
}
"""Kinds of model, as config.json names them, that the studio's tests train, save, load and ask."""

_MIXTURES = ("mixtral",)
_REMEMBER_OTHERWISE = frozenset(
    {
        "bailing_hybrid", "bamba", "deepseek_v4", "falcon_h1", "falcon_mamba", "granitemoehybrid",
        "jamba", "kimi_linear", "lfm2", "lfm2_moe", "lfm3", "mamba", "mamba2", "minimax",
        "nemotron_h", "olmo_hybrid", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text",
        "qwen3_next", "qwen4_exp", "qwen4_exp_text", "recurrent_gemma", "rwkv", "xlstm", "zamba",
        "zamba2",
    }
)  # fmt: skip
"""Kinds whose layers keep a state instead of what was read; the chat's shared memory has none."""

_COUNT_OTHERWISE = frozenset({"cpmant", "mpt", "roformer", "xlnet"})
"""Kinds that take no positions, which the chat gives where several answers share a batch."""

_LOCKED = ("int32", "float8_e4m3fn", "float8_e8m0fnu", "float4")
"""Formats of shrunk weights (GPTQ, AWQ, FP8, FP4) through which no correction can pass here."""


def of(facts: ModelFacts) -> Support:
    """Return how far a model is supported."""
    refusal = _refusal(facts)
    can_chat = facts.model_type not in _REMEMBER_OTHERWISE | _COUNT_OTHERWISE
    if refusal:
        return Support(Degree.NO, (refusal,), can_chat)
    doubts = _doubts(facts)
    degree = Degree.LIKELY if doubts else Degree.FULL
    known = f"The studio's tests train models of this kind ({TRIED.get(facts.model_type)})."
    return Support(degree, (*(doubts or (known,)), *_remarks(facts, can_chat=can_chat)), can_chat)


def _refusal(facts: ModelFacts) -> str:
    if facts.quantized and set(facts.dtypes) & set(_LOCKED):
        return (
            "Its weights are stored in a shrunk form that cannot learn here: choose the original "
            "model; the studio can shrink it while it learns."
        )
    if not facts.linear_modules:
        return "It has no layers that an adapter can be put on."
    return ""


def _doubts(facts: ModelFacts) -> tuple[str, ...]:
    found = []
    if facts.model_type not in TRIED:
        found.append(
            f"The library knows this kind of model ({facts.model_type}), but the studio's tests do "
            "not train it; the first run shows."
        )
    if facts.architecture.endswith("ForConditionalGeneration"):
        found.append(
            "It understands more than text; here it learns from text alone, and an adapter on all "
            "layers takes in those for pictures and sound too: name the parts that learn."
        )
    if facts.quantized:
        found.append("Its weights are stored in a shrunk form already, which loses some accuracy.")
    return tuple(found)


def _remarks(facts: ModelFacts, *, can_chat: bool) -> tuple[str, ...]:
    found = []
    if facts.model_type in _MIXTURES:
        found.append("Its experts stay as they are; what is around them learns.")
    if facts.model_type == "bloom":
        found.append("It cannot read several examples in one block, so its training takes longer.")
    if not facts.has_chat_template:
        found.append(
            "It has no chat format of its own: choose one, which is saved with its add-on."
        )
    if facts.chat_template_fault:
        found.append(f"Its own chat format cannot be used: {facts.chat_template_fault}")
    if not can_chat:
        found.append("It cannot be talked to here; what it learned can be downloaded.")
    return tuple(found)
