"""New words of a model: tokens added to its tokenizer, whose embeddings alone are learned."""

from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, PeftConfig
from peft.utils.other import TrainableTokensWrapper
from tokenizers import AddedToken

from storage import specs
from storage.errors import StudioError
from storage.specs import RunSpec


@dataclass(frozen=True)
class NewWords:
    """What was added to a tokenizer.

    Attributes:
        pieces: of each added token, the tokens that its text consisted of before.
        told: what the person should know, in sentences.
    """

    pieces: dict[int, tuple[int, ...]]
    told: tuple[str, ...] = ()

    @property
    def ids(self) -> list[int]:
        """The added tokens, in order."""
        return sorted(self.pieces)


def add(tokenizer: Any, spec: RunSpec) -> NewWords:
    """Add a run's new words to the tokenizer; those that it has already are told and left out.

    They are no special tokens: where somebody writes them, in questions, answers and texts, they
    are one token each, and they are seen in answers.
    """
    wanted = dict.fromkeys(spec.extra_tokens if _apply(spec) else ())
    known = tokenizer.get_vocab()
    there = [word for word in wanted if word in known]
    words = [word for word in wanted if word not in known]
    before = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
    tokenizer.add_tokens([AddedToken(word, special=False, normalized=False) for word in words])
    ids = tokenizer.convert_tokens_to_ids(words)
    pieces = {token: tuple(parts) for token, parts in zip(ids, before, strict=True)}
    told = f"The model has a token for {', '.join(there)} already; nothing was added for it."
    return NewWords(pieces, (told,) if there else ())


@torch.no_grad()
def make_room(model: Any, tokenizer: Any, words: NewWords) -> None:
    """Give each new word a row in the model, the mean of what it consisted of before.

    So it means at the beginning what its letters meant. Models often have rows to spare.

    Raises:
        StudioError: the model's output layer is of a kind whose rows cannot be learned alone.
    """
    if not words.pieces:
        return
    if getattr(model.get_output_embeddings(), "bias", None) is not None:
        raise StudioError(
            "This model's output layer cannot learn new words: it adds a bias to each word.",
            "Remove the new words, or choose another base model.",
        )
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for layer in _tables(model):
        for token, parts in words.pieces.items():
            rows = layer.weight[list(parts)] if parts else layer.weight
            layer.weight[token] = rows.float().mean(0).to(layer.weight.dtype)


def learned(config: PeftConfig | None, model: Any, words: NewWords) -> PeftConfig | None:
    """Return an adapter's configuration with which the new words' rows are learned too."""
    if words.pieces and isinstance(config, LoraConfig):
        names = {module: name for name, module in model.named_modules()}
        config.trainable_token_indices = {names[layer]: words.ids for layer in _tables(model)}
    return config


def complete(model: Any) -> None:
    """Make a head with learned rows look like a linear layer to who multiplies by its weights."""
    head = model.get_output_embeddings()
    if isinstance(head, TrainableTokensWrapper):
        head.bias = None


def _apply(spec: RunSpec) -> bool:
    return specs.applies("extra_tokens", spec.model_dump())


def _tables(model: Any) -> list[Any]:
    """The model's table of token vectors, and that of its head where it has one of its own."""
    table, head = model.get_input_embeddings(), model.get_output_embeddings()
    is_tied = head is None or head.weight is table.weight
    return [table] if is_tied else [table, head]
