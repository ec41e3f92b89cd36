"""Encoding a conversation, and labelling the same by hand to compare with."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from tests.fakes.tiny_models import save_tokenizer
from worker.training import templates
from worker.training.tokens import IGNORED, Encoder, Tokens


def with_template(folder: Path, **template: str | None) -> Any:
    save_tokenizer(folder, **template)
    return AutoTokenizer.from_pretrained(folder)


def encoded(
    tokenizer: Any, messages: list[dict[str, Any]], *, response_only: bool = True, **more: Any
) -> Tokens:
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=response_only)
    (tokens,) = encoder.encode([{"messages": messages, "line": 7, **more}])
    return tokens


def qwen_template() -> str:
    trl_templates = Path(templates.get_training_chat_template.__globals__["__file__"]).parent
    return (trl_templates / "chat_templates/qwen2_5.jinja").read_text(encoding="utf-8")


def learned_text(tokenizer: Any, tokens: Tokens) -> str:
    return tokenizer.decode([label for label in tokens.labels if label != IGNORED])


def by_hand(tokenizer: Any, pieces: list[tuple[str, bool]]) -> Tokens:
    """Tokenize piece by piece (every byte is a token, so pieces never merge) and label by piece."""
    ids: list[int] = []
    labels: list[int] = []
    for text, learned in pieces:
        piece = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += piece
        labels += piece if learned else [IGNORED] * len(piece)
    return Tokens(ids, labels)
