"""How the data is read: length, packing, what is learned, the chat format, the exam."""

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from storage.options.declared import setting

ChatTemplate = Literal[
    "model", "plain", "chatml", "llama3", "mistral", "gemma", "phi3", "zephyr", "custom"
]

_TALKS = ("sft", "dpo", "kto", "orpo", "reward", "distill")


class DataSettings(BaseModel):
    """What the model reads and what it learns of it."""

    max_length: int = setting(
        512, "data", "maximum length", "Longest example, in tokens",
        "Longer examples are cut here; a token is about three quarters of a word.",
        ge=16, le=1_048_576,
    )  # fmt: skip
    packing: bool = setting(
        True, "data", "packing", "Fill every block",
        "Puts several short examples into one block without letting them see each other; faster.",
        only={"method": ("sft", "pretrain")},
    )  # fmt: skip
    response_only: bool = setting(
        True, "data", "response-only loss", "Learn from the answers only",
        "The questions are read but not learned; switch off to learn whole conversations.",
        only={"method": ("sft",)},
    )  # fmt: skip
    eval_share: float = setting(
        0.1, "data", "evaluation split", "Share kept for the exam",
        "Examples never learned from, used to check whether it really got better.", ge=0, le=0.5,
    )  # fmt: skip
    group_by_length: bool = setting(
        False, "data", "length-grouped batches", "Similar lengths together",
        "Puts examples of similar length into one batch, which saves filling them up.",
        only={"packing": (False,), "method": ("sft", "pretrain", "dpo", "orpo", "reward")},
    )  # fmt: skip
    chat_template: ChatTemplate = setting(
        "model", "data", "chat template", "Chat format",
        "How a conversation is written for the model; its own where it has one.",
        only={"method": _TALKS},
    )  # fmt: skip
    custom_template: Annotated[str, StringConstraints(max_length=100_000)] | None = setting(
        None, "data", "custom chat template", "A chat format of your own",
        "A Jinja template, as in a model's chat_template.jinja.",
        only={"method": _TALKS, "chat_template": ("custom",)},
    )  # fmt: skip
