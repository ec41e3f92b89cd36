"""The starter model's tokenizer: byte-level BPE, trained on its own conversations."""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from worker.starter.corpus import TEXTS, Conversation

PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"


def train(conversations: list[Conversation], size: int, context: int) -> PreTrainedTokenizerFast:
    """A tokenizer of at most `size` tokens that carries the chat template."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_texts(conversations), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[START],
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        chat_template=(TEXTS / "chat_template.jinja").read_text("utf-8").rstrip("\n"),
    )


def _texts(conversations: list[Conversation]) -> list[str]:
    # The words of the roles stand in every prompt and deserve a token of their own.
    roles = ["system\n", "user\n", "assistant\n"] * len(conversations)
    return roles + [turn["content"] for talk in conversations for turn in talk]
