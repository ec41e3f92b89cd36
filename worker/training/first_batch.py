"""The first batch of a run as the model got it, kept beside the run for a person to look at."""

from pathlib import Path
from typing import Any

import orjson
import torch

from storage import artifacts
from worker.training.display import Display
from worker.training.tokens import IGNORED

NAME = "first_batch.json"

_MOST_SHOWN = 20_000
"""Tokens that are written out; the counts are of the whole batch."""


def keep(folder: Path, inputs: dict[str, Any], tokenizer: Any) -> None:
    """Write `first_batch.json` into a run's folder, whole or not at all; never a second time.

    Args:
        folder: of the run.
        inputs: what the model's forward is given: `input_ids` and `labels` of shape (examples,
            tokens), `position_ids` where rows are packed, `attention_mask` where there is padding.
            Judged answers have `completion_mask` in place of `labels`, and a `label` each, or are
            pairs: first the better answers, then the worse ones. A judge who reads conversations
            whole is given pairs without any mask.
        tokenizer: the base model's.
    """
    file = folder / NAME
    if not file.exists():
        artifacts.write_private(file, orjson.dumps(_found(inputs, Display(tokenizer))).decode())


def _found(inputs: dict[str, Any], display: Display) -> dict[str, Any]:
    labels, real = _labels(inputs), _real(inputs)
    ids, learned = inputs["input_ids"].tolist(), labels.tolist()
    segments = [_segments(inputs, number, length) for number, length in enumerate(real)]
    left, examples = _MOST_SHOWN, []
    for number, judgement in _in_order(inputs):
        shown = min(real[number], left)
        left -= shown
        if shown:
            tokens = display.show(ids[number][:shown], learned[number][:shown])
            examples.append({"tokens": tokens, "segments": segments[number], **judgement})
    return {
        "examples": examples,
        "packing": "cu_seq_lens_q" in inputs,
        "padding": sum(map(len, ids)) - sum(real),
        "rows": sum(map(len, segments)),
        "tokens": sum(real),
        "learned": int((labels[:, 1:] != IGNORED).sum()),
    }


def _labels(inputs: dict[str, Any]) -> torch.Tensor:
    ids: torch.Tensor = inputs["input_ids"]
    if "labels" in inputs:
        labels: torch.Tensor = inputs["labels"]
        return labels
    mask = inputs.get("completion_mask", torch.zeros_like(ids))
    return ids.masked_fill(mask == 0, IGNORED)


def _in_order(inputs: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """The numbers of the examples in the order to show them, and what each is an example of.

    A judged answer is `good` or `bad`; of a pair the better one is shown before the worse, and both
    have its number.
    """
    count = len(inputs["input_ids"])
    if "labels" in inputs:
        return [(number, {}) for number in range(count)]
    if "label" in inputs:
        verdicts = inputs["label"].tolist()
        return [(n, {"answer": "good" if good else "bad"}) for n, good in enumerate(verdicts)]
    half = count // 2
    return [
        (pair + shift, {"answer": answer, "pair": pair + 1})
        for pair in range(half)
        for answer, shift in (("better", 0), ("worse", half))
    ]


def _real(inputs: dict[str, Any]) -> list[int]:
    """How many tokens of each example are no padding, which stands at its end."""
    if "attention_mask" not in inputs:
        return [inputs["input_ids"].shape[1]] * inputs["input_ids"].shape[0]
    lengths: list[int] = inputs["attention_mask"].sum(dim=1).tolist()
    return lengths


def _segments(inputs: dict[str, Any], number: int, length: int) -> list[int]:
    """The lengths of the rows that share an example, in tokens."""
    if "position_ids" not in inputs:
        return [length]
    starts = torch.nonzero(inputs["position_ids"][number, :length] == 0).flatten().tolist()
    ends = [*starts[1:], length]
    return [end - start for start, end in zip(starts, ends, strict=True)]
