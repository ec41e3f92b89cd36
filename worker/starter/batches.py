"""Conversations as batches of token ids: alike in length, so that little is padding."""

import random
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from worker.starter.corpus import Conversation
from worker.starter.recipe import Recipe

IGNORED = -100


@dataclass(frozen=True)
class Batch:
    """Token ids and labels, both of shape (conversations, length); labels hold answers only."""

    tokens: torch.Tensor
    labels: torch.Tensor


def make(
    tokenizer: PreTrainedTokenizerFast, conversations: list[Conversation], recipe: Recipe
) -> list[Batch]:
    """Batches of at most `tokens_per_step` tokens, shuffled with the recipe's seed."""
    encoded = tokenizer.apply_chat_template(
        conversations, return_dict=True, return_assistant_tokens_mask=True
    )
    pairs = sorted(
        zip(encoded["input_ids"], encoded["assistant_masks"], strict=True),
        key=lambda pair: len(pair[0]),
    )
    batches = [_padded(group, tokenizer.pad_token_id) for group in _groups(pairs, recipe)]
    random.Random(recipe.seed).shuffle(batches)
    return batches


Pair = tuple[list[int], list[int]]


def _groups(pairs: list[Pair], recipe: Recipe) -> list[list[Pair]]:
    """Neighbours in length together, as many as fit into one step."""
    groups: list[list[Pair]] = [[]]
    for pair in pairs:
        if (len(groups[-1]) + 1) * len(pair[0]) > recipe.tokens_per_step and groups[-1]:
            groups.append([])
        groups[-1].append(pair)
    return groups


def _padded(group: list[Pair], pad: int) -> Batch:
    length = max(len(tokens) for tokens, _ in group)
    tokens = torch.full((len(group), length), pad)
    labels = torch.full((len(group), length), IGNORED)
    for row, (ids, mask) in enumerate(group):
        tokens[row, : len(ids)] = torch.tensor(ids)
        answer = torch.tensor(mask, dtype=torch.bool)
        labels[row, : len(ids)][answer] = torch.tensor(ids)[answer]
    return Batch(tokens, labels)
