"""A tiny base model as a folder: a tokenizer trained on the spot, an untrained small Llama."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

from tests.fakes.tiny_models import save_model

VOCABULARY = 500

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}"
    "<|assistant|>{% generation %}{{ message['content'] + '<|end|>' }}{% endgeneration %}"
    "{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

MARKS = ["<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]


def save(folder: Path, texts: Iterable[str]) -> None:
    """Write the model; its tokens are learned from the texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    learning = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=MARKS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, learning)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=MARKS[0])
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    save_model(
        folder,
        LlamaConfig(
            vocab_size=len(fast),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=8192,
            eos_token_id=fast.eos_token_id,
            bos_token_id=None,
        ),
    )
