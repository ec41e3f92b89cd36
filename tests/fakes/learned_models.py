"""Tiny models that have learned a handful of answers by heart, in a moment and for real."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from tests.fakes.tiny_models import save_model, save_tokenizer

_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: "
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}"
    "{{ eos_token }}{% endgeneration %}{% else %}{{ message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def learned(folder: Path, said: dict[str, str], *, vocabulary: int = 300, width: int = 32) -> Path:
    """Write a model into a folder that gives these answers to these questions; returns it.

    Args:
        folder: to be made.
        said: answers by question; an answer without an end, such as "…", is marked by a space at
            its end.
        vocabulary: rows of its head; its tokenizer has 300 tokens.
        width: of its layers.
    """
    save_tokenizer(folder, template=_TEMPLATE)
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "num_hidden_layers": 2}
    shape = {"vocab_size": vocabulary, "hidden_size": width, "intermediate_size": 2 * width}
    save_model(folder, LlamaConfig(**shape, **heads, eos_token_id=0, max_position_embeddings=256))
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lines = [tokenizer(_line(*pair))["input_ids"] for pair in said.items()]
    longest = max(map(len, lines))
    ids = torch.tensor([line + [0] * (longest - len(line)) for line in lines])
    labels = torch.tensor([line + [-100] * (longest - len(line)) for line in lines])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    return folder


def _line(question: str, answer: str) -> str:
    return f"user: {question}assistant: {answer}" + ("" if answer.endswith(" ") else "</s>")
