"""Log-probabilities of answers, written out by hand for the tiny models' template."""

from typing import Any

import torch
from torch import Tensor

from tests.fakes.training_home import Rows


def answered(judge: Any, tokenizer: Any, question: str, answer: str) -> Tensor:
    """Return the log-probability of each token of an answer, read alone and without padding."""
    before = tokenizer(f"user: {question}assistant: ")["input_ids"]
    after = tokenizer(answer)["input_ids"]
    logits = judge(input_ids=torch.tensor([before + after])).logits[0, len(before) - 1 : -1]
    return logits.log_softmax(-1)[torch.arange(len(after)), torch.tensor(after)]


def texts_in(batch: dict[str, Tensor], tokenizer: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return the question and the answer of each line of a batch."""
    found = []
    lines = zip(batch[f"{prefix}input_ids"], batch[f"{prefix}attention_mask"], strict=True)
    for ids, mask in lines:
        text = tokenizer.decode(ids[mask.bool()])
        question, answer = text.removeprefix("user: ").split("assistant: ")
        found.append((question, answer))
    return found


def content(row: dict[str, Any], side: str) -> str:
    """Return what the one turn of a side of a row says."""
    (turn,) = row[side]
    said: str = turn["content"]
    return said


def texts_of(rows: Rows, side: str) -> list[tuple[str, str]]:
    """Return the question and one side's answer of each row."""
    return [(content(row, "prompt"), content(row, side)) for row in rows]
