"""What is put on the base model and learns: the kind of adapter, and how it begins."""

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from storage.options.declared import setting

AdapterKind = Literal["lora", "adalora", "ia3", "full"]
Beginning = Literal["default", "gaussian", "orthogonal", "pissa", "olora", "eva", "loftq"]
Part = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=80)]

Contestant = Annotated[
    str,
    StringConstraints(pattern=r"^(adapter:[\w-]+|checkpoint:[\w-]+:\d{1,8})$", max_length=100),
]
"""What was learned before, by its name in the playground: `adapter:ID` or `checkpoint:RUN:STEP`."""

_LORA = {"adapter": ("lora",)}
_ADALORA = {"adapter": ("adalora",)}
_LOW_RANK = {"adapter": ("lora", "adalora")}


class AdapterSettings(BaseModel):
    """The add-on that learns."""

    adapter: AdapterKind = setting(
        "lora", "adapter", "adapter", "What learns",
        "A small add-on (LoRA) suits most; the whole model only where it is small.",
    )  # fmt: skip
    start_from: Contestant | None = setting(
        None, "adapter", "initial adapter", "Go on from",
        "An add-on or saved state of this base model to begin with; empty begins anew.",
    )  # fmt: skip
    rank: int = setting(
        16, "adapter", "LoRA rank r", "Room to learn", "How much room the add-on has to learn.",
        ge=1, le=1024,
        only=_LOW_RANK,
    )  # fmt: skip
    alpha: float = setting(
        32.0, "adapter", "LoRA alpha", "Strength",
        "How strongly the add-on speaks; one to two times the rank is usual.", gt=0, le=4096,
        only=_LOW_RANK,
    )  # fmt: skip
    dropout: float = setting(
        0.0, "adapter", "LoRA dropout", "Forgetting while learning",
        "Share of the add-on switched off at random; a little helps with few examples.",
        ge=0, lt=1,
        only=_LOW_RANK,
    )  # fmt: skip
    target_modules: tuple[Part, ...] = setting(
        (), "adapter", "target modules", "Parts of the model that learn",
        "Leave empty to let every linear layer learn, which is right for most.",
        max_length=64, only={"adapter": ("lora", "adalora", "ia3")},
    )  # fmt: skip
    use_rslora: bool = setting(
        False, "adapter", "rsLoRA", "Stabilise high ranks",
        "Scales the add-on by the square root of its rank; useful from rank 64 on.",
        only=_LORA,
    )  # fmt: skip
    use_dora: bool = setting(
        False, "adapter", "DoRA", "Learn size and direction apart",
        "Often a little better and always slower; such add-ons are compared one after the other.",
        only=_LORA,
    )  # fmt: skip
    beginning: Beginning = setting(
        "default", "adapter", "initialisation", "Where the add-on begins",
        "Other beginnings are computed from the model (PiSSA, OLoRA) or from your data (EVA); "
        "LoftQ makes up for a shrunk base model.",
        only=_LORA,
    )  # fmt: skip
    lora_plus_ratio: float = setting(
        1.0, "adapter", "LoRA+ ratio", "Head start of the second half",
        "So many times faster the add-on's second matrix learns; 16 is usual, 1 is off.",
        ge=1, le=1000, only=_LORA,
    )  # fmt: skip
    final_rank: int = setting(
        8, "adapter", "AdaLoRA target rank", "Room left in the end",
        "It begins with the room above and keeps so much on average, where it matters most.",
        ge=1, le=1024, only=_ADALORA,
    )  # fmt: skip
    extra_tokens: tuple[Word, ...] = setting(
        (), "adapter", "additional special tokens", "New words of the model",
        "Marks or words that shall be one token each; the model learns what they mean.",
        max_length=64, only={"adapter": ("lora", "full"), "method": ("sft", "pretrain")},
    )  # fmt: skip
