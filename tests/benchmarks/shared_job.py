"""One job for every contender: a random Llama, its tokenizer and chat rows, the same every time.

Nothing is fetched: the words, the tokenizer and the weights are made on the spot from fixed seeds.
"""

import itertools
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 16_384
LENGTH = 1024
"""The longest example, in tokens; every row is shorter."""

ROWS, EXAM_ROWS = 240, 40
LEARNING_RATE, RANK, ALPHA, SEED, BATCH = 2e-4, 16, 32, 42, 8
SCHEDULER = "linear"

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}"
    "{{ message['content'] + '<|im_end|>\\n' }}{% endgeneration %}"
    "{% else %}{{ message['content'] + '<|im_end|>\\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML; an answer is learned with its end and the line break behind it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class SharedJob:
    """What every contender is given: folders, and how often the rows are read."""

    folder: Path
    epochs: int

    @property
    def model(self) -> Path:
        """Folder of the base model with its tokenizer."""
        return self.folder / "model"

    @property
    def rows(self) -> Path:
        """The file to learn from, a conversation a line."""
        return self.folder / "train.jsonl"

    @property
    def exam(self) -> Path:
        """The file that nobody learns from."""
        return self.folder / "exam.jsonl"


def make(folder: Path, epochs: int) -> SharedJob:
    """Write the model and the rows below a folder, and return the job."""
    job = SharedJob(folder, epochs)
    speech = _Speech(random.Random(7))
    tokenizer = _tokenizer(speech)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<|im_end|>"
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(job.model)
    _write_model(job.model, len(fast))
    rows = [speech.row() for _ in range(ROWS + EXAM_ROWS)]
    for file, part in ((job.rows, rows[:ROWS]), (job.exam, rows[ROWS:])):
        file.write_text("".join(json.dumps(row) + "\n" for row in part), encoding="utf-8")
    return job


def read(file: Path) -> list[Row]:
    """Return the rows of a file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def expected(job: SharedJob) -> tuple[int, int]:
    """Return the tokens of all rows, and how many are learned: counted here, by nobody else."""
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    tokens = learned = 0
    for row in read(job.rows):
        question, answer = (turn["content"] for turn in row["messages"])
        asked = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
        answered = len(tokenizer(f"{answer}<|im_end|>\n")["input_ids"])
        tokens += len(tokenizer(asked)["input_ids"]) + answered
        learned += answered
    return tokens, learned


class _Speech:
    """Words of a language that nobody speaks, as frequent as words are (Zipf's law)."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._words = sorted({self._word() for _ in range(60_000)})
        source.shuffle(self._words)
        weights = (1 / rank**1.02 for rank in range(1, len(self._words) + 1))
        self._weights = list(itertools.accumulate(weights))

    def text(self, words: int) -> str:
        """Return sentences of so many words in all."""
        chosen = self._random.choices(self._words, cum_weights=self._weights, k=words)
        sentences = []
        while chosen:
            size = self._random.randint(5, 16)
            sentences.append(" ".join(chosen[:size]).capitalize() + ".")
            chosen = chosen[size:]
        return " ".join(sentences)

    def row(self) -> Row:
        """Return a question and its answer, as long as those of instruction data (log-normal)."""
        tokens = int(min(1000, max(24, self._random.lognormvariate(4.8, 0.85))))
        asked = max(8, int(tokens * self._random.uniform(0.15, 0.45)))
        question, answer = (self.text(max(3, part // 2)) for part in (asked, tokens - asked))
        return {
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
        }

    def _word(self) -> str:
        choice = self._random.choice
        syllables = choice([1, 2, 2, 3, 3])
        return "".join(
            choice([*"bcdfghjklmnprstvwz", "st", "tr", "ch", "pl", "br"])
            + choice([*"aeiou", "ai", "ou", "ea"])
            + (choice("nrstlm") if self._random.random() < 0.35 else "")
            for _ in range(syllables)
        )


def _tokenizer(speech: _Speech) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((speech.text(400) for _ in range(3000)), trainer)
    return tokenizer


def _write_model(folder: Path, vocabulary: int) -> None:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=384,
        intermediate_size=1152,
        num_hidden_layers=8,
        num_attention_heads=6,
        num_key_value_heads=3,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
