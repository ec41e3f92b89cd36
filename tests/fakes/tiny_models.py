"""Tiny real base models, written by the real transformers library, with a real tokenizer."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedTokenizerFast

TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: "
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}"
    "{% endgeneration %}{% else %}{{ message['content'] }}{% endif %}{% endfor %}"
)


def save_tokenizer(folder: Path, tokens: int = 300, template: str | None = TEMPLATE) -> None:
    """Write a byte-level tokenizer of so many tokens (257 at least)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["</s>", *alphabet, *(f"word{n}" for n in range(tokens - 257))]
    model = models.BPE(vocab={word: n for n, word in enumerate(words)}, merges=[])
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>")
    fast.chat_template = template
    fast.save_pretrained(folder)


def save_model(folder: Path, config: PreTrainedConfig, seed: int = 0, **saving: object) -> int:
    """Write an untrained model of that shape; return torch's count of its parameters."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder, **saving)
    return sum(parameter.numel() for parameter in model.parameters())
