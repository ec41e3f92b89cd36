"""Batches of judged answers, padded to the longest of the batch, as TRL's trainers take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Example = dict[str, Any]
Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Pairs:
    """Makes a batch of pairs: the better answers come first, then the worse ones in their order.

    Attributes:
        padding: the token that fills up; it is never read.
    """

    padding: int

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Return `input_ids`, `attention_mask` and `completion_mask`: (2 * examples, tokens).

        And what the reference model made of them (see `reference`), where that is known.
        """
        sides = [(side, example) for side in ("chosen", "rejected") for example in examples]
        batch = _padded(
            [example[f"{side}_ids"] for side, example in sides],
            [example[f"{side}_mask"] for side, example in sides],
            self.padding,
        )
        return batch | _known(examples, ("ref_chosen_logps", "ref_rejected_logps"))


@dataclass(frozen=True)
class WholePairs:
    """Makes a batch of pairs for a judge who reads each conversation whole.

    Attributes:
        padding: the token that fills up; no conversation may end with it.
    """

    padding: int

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Return `input_ids` and `attention_mask`: (2 * examples, tokens)."""
        batch = Pairs(self.padding)(examples)
        del batch["completion_mask"]
        return batch


@dataclass(frozen=True)
class Answers:
    """Makes a batch of single answers, each also with the answer to another question.

    Attributes:
        padding: the token that fills up; it is never read.
    """

    padding: int

    def __call__(self, examples: Sequence[Example]) -> Batch:
        """Return `input_ids`, `attention_mask`, `completion_mask`: (examples, tokens), and `label`.

        The same with `KL_` in front for the mismatched answers, see `kto.with_others`.
        """
        batch: Batch = {}
        for prefix, column in (("", "answer"), ("KL_", "other")):
            ids = [example[f"{column}_ids"] for example in examples]
            masks = [example[f"{column}_mask"] for example in examples]
            padded = _padded(ids, masks, self.padding)
            batch |= {f"{prefix}{name}": tensor for name, tensor in padded.items()}
        batch["label"] = torch.tensor([example["label"] for example in examples])
        return batch | _known(examples, ("ref_logps", "ref_KL_logps"))


def _padded(ids: list[list[int]], masks: list[list[int]], padding: int) -> Batch:
    shape = (len(ids), max(map(len, ids)))
    batch = {
        "input_ids": torch.full(shape, padding),
        "attention_mask": torch.zeros(shape, dtype=torch.long),
        "completion_mask": torch.zeros(shape, dtype=torch.long),
    }
    for number, (tokens, mask) in enumerate(zip(ids, masks, strict=True)):
        batch["input_ids"][number, : len(tokens)] = torch.tensor(tokens)
        batch["attention_mask"][number, : len(tokens)] = 1
        batch["completion_mask"][number, : len(tokens)] = torch.tensor(mask)
    return batch


def _known(examples: Sequence[Example], names: tuple[str, ...]) -> Batch:
    there = [name for name in names if name in examples[0]]
    return {name: torch.tensor([example[name] for example in examples]) for name in there}
