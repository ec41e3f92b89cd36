"""Conversations as batches of token ids that all have one shape, so that every round costs alike.

A processor prepares its kernels anew for every new shape: batches of many shapes took ten times
as long. So conversations lie one after another in rows of one length and do not see each other.
"""

import random
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from worker.starter.corpus import Conversation
from worker.starter.recipe import Recipe

IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """Four tensors of shape (rows, length).

    `labels` hold answers only, `positions` begin at zero in each conversation, and `talks` number
    the conversations of a row (-1 after the last one).
    """

    tokens: torch.Tensor
    labels: torch.Tensor
    positions: torch.Tensor
    talks: torch.Tensor

    def mask(self) -> torch.Tensor:
        """Shape (rows, 1, length, length): a token sees its own conversation up to itself."""
        length = self.tokens.shape[1]
        earlier = torch.ones(length, length, dtype=torch.bool).tril()
        return ((self.talks[:, :, None] == self.talks[:, None, :]) & earlier)[:, None]


Pair = tuple[list[int], list[int]]


def make(
    tokenizer: PreTrainedTokenizerFast, conversations: list[Conversation], recipe: Recipe
) -> list[Batch]:
    """Batches of `rows` rows of `length` tokens, shuffled with the recipe's seed.

    A conversation longer than a row is left out, and so is what does not fill a last batch.
    """
    encoded = tokenizer.apply_chat_template(
        conversations, return_dict=True, return_assistant_tokens_mask=True
    )
    pairs = list(zip(encoded["input_ids"], encoded["assistant_masks"], strict=True))
    rows = _packed([pair for pair in pairs if len(pair[0]) <= recipe.length], recipe.length)
    random.Random(recipe.seed).shuffle(rows)
    whole = range(0, len(rows) - recipe.rows + 1, recipe.rows)
    return [_batch(rows[at : at + recipe.rows], recipe.length) for at in whole]


def _packed(pairs: list[Pair], length: int) -> list[list[Pair]]:
    """Longest first, each into the first row that has room: less than two percent stay empty."""
    rows: list[list[Pair]] = []
    room: list[int] = []
    for pair in sorted(pairs, key=lambda pair: -len(pair[0])):
        fits = (row for row, left in enumerate(room) if left >= len(pair[0]))
        row = next(fits, len(rows))
        if row == len(rows):
            rows.append([])
            room.append(length)
        rows[row].append(pair)
        room[row] -= len(pair[0])
    return rows


def _batch(rows: list[list[Pair]], length: int) -> Batch:
    shape = (len(rows), length)
    batch = Batch(
        tokens=torch.zeros(shape, dtype=torch.long),
        labels=torch.full(shape, IGNORED),
        positions=torch.zeros(shape, dtype=torch.long),
        talks=torch.full(shape, -1),
    )
    for row, pairs in enumerate(rows):
        _fill(batch, row, pairs)
    return batch


def _fill(batch: Batch, row: int, pairs: list[Pair]) -> None:
    at = 0
    for talk, (ids, mask) in enumerate(pairs):
        there = slice(at, at + len(ids))
        tokens = torch.tensor(ids)
        batch.tokens[row, there] = tokens
        batch.labels[row, there] = tokens.where(torch.tensor(mask, dtype=torch.bool), IGNORED)
        batch.positions[row, there] = torch.arange(len(ids))
        batch.talks[row, there] = talk
        at += len(ids)
