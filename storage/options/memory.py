"""What it may cost: number formats, memory, and how attention is computed."""

from typing import Literal

from pydantic import BaseModel

from storage.options.declared import setting

Quantization = Literal["none", "8bit", "nf4", "fp4"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Attention = Literal["auto", "sdpa", "eager", "flash_attention_2"]
Sharding = Literal["ddp", "fsdp"]
StepPath = Literal["auto", "plain"]


class MemorySettings(BaseModel):
    """Memory against time."""

    quantization: Quantization = setting(
        "none", "memory", "quantization", "Shrink the base model",
        "8-bit or 4-bit loading makes a large model fit; a little slower and less exact.",
    )  # fmt: skip
    double_quantization: bool = setting(
        True, "memory", "double quantization", "Shrink the shrinking",
        "Saves a little more memory with 4-bit loading.",
        only={"quantization": ("nf4", "fp4")},
    )  # fmt: skip
    gradient_checkpointing: bool = setting(
        False, "memory", "gradient checkpointing", "Trade time for memory",
        "Computes some things twice instead of keeping them: a fifth slower, far less memory.",
    )  # fmt: skip
    precision: Precision = setting(
        "auto", "memory", "precision", "Number format",
        "Automatic takes the fastest format that this machine computes well.",
    )  # fmt: skip
    activation_offloading: bool = setting(
        False, "memory", "activation offloading", "Keep notes in main memory",
        "Moves what a step must remember from the graphics card to main memory; slower.",
    )  # fmt: skip
    attention: Attention = setting(
        "auto", "memory", "attention implementation", "How attention is computed",
        "Automatic takes the fastest that is installed and says which.",
    )  # fmt: skip
    path: StepPath = setting(
        "auto", "memory", "training path", "Fast or plain steps",
        "Automatic takes the fast way where it computes the same; plain is the libraries' own.",
    )  # fmt: skip
    compile: bool = setting(
        False, "memory", "torch.compile", "Compile the model first",
        "Takes a minute or more at the start and pays off in long runs.",
    )  # fmt: skip
    retry_smaller: bool = setting(
        True, "memory", "out-of-memory retry", "Read less at once if memory runs out",
        "Goes on from the last saved state with half the batch and twice the accumulation.",
    )  # fmt: skip
    processes: int = setting(
        1, "memory", "number of processes", "Graphics cards to use together",
        "Several processes share the work, usually one a card; each reads its own examples.",
        ge=1, le=64,
    )  # fmt: skip
    sharding: Sharding = setting(
        "ddp", "memory", "DDP or FSDP", "How cards share the work",
        "DDP keeps the model on each card and is faster; FSDP divides it, so that more fits.",
        only={"processes": tuple(range(2, 65))},
    )  # fmt: skip
