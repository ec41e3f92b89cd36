"""Chat formats that the studio knows by name: one Jinja template each, with answers marked."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Format:
    """A named chat format.

    Attributes:
        name: as in the settings; its template is the file of that name.
        marks: the tokens of its own that it writes, as its models have them.
        end: the one that ends a turn; empty where a turn ends with the model's end-of-text token.
    """

    name: str
    marks: tuple[str, ...] = ()
    end: str = ""


FORMATS = (
    Format("plain"),
    Format("chatml", ("<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    Format("llama3", ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"), "<|eot_id|>"),
    Format("mistral"),
    Format("gemma", ("<start_of_turn>", "<end_of_turn>"), "<end_of_turn>"),
    Format("phi3", ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>"), "<|end|>"),
    Format("zephyr"),
)
"""Sources: OpenAI's chat markup language, Meta's Llama 3 prompt format, and the model cards of
Mistral 7B Instruct v0.3, Gemma, Phi-3 and Zephyr. Mistral's and Gemma's know no system role: its
words come before the first question."""

BY_NAME = {known.name: known for known in FORMATS}


def written_for(known: Format, tokenizer: Any) -> str:
    """Return a format's template for one tokenizer.

    An answer ends with the format's own token and with the end-of-text token, so that whatever
    program runs the model knows where to stop. Where the tokenizer lacks the format's token, it
    ends with the end-of-text token alone.
    """
    text = (_FOLDER / f"{known.name}.jinja").read_text(encoding="utf-8").rstrip("\n")
    end = json.dumps(_end(known, tokenizer))
    return f"{{%- set end_of_answer = {end} %}}\n{text}" if "end_of_answer" in text else text


def lacking(known: Format, tokenizer: Any) -> list[str]:
    """Return the format's tokens that a tokenizer does not have: they become ordinary text."""
    return [mark for mark in known.marks if mark not in tokenizer.added_tokens_encoder]


def _end(known: Format, tokenizer: Any) -> str:
    text_end = tokenizer.eos_token or ""
    if known.end == text_end or known.end not in tokenizer.added_tokens_encoder:
        return text_end or known.end
    return known.end + text_end
