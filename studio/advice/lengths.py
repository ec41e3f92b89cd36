"""How long the rows are in tokens: counted where that was done, else estimated from characters."""

import math
from dataclasses import dataclass

import numpy as np

from storage.mappings import Target
from storage.specs import RunSpec
from studio.advice.known import Known

TEMPLATE_TOKENS = 10
"""A question and an answer in ChatML: roles, marks and line ends, counted on the starter model."""

PAIRED = ("dpo", "orpo", "reward")
"""These read two texts of each row: the question with the better and with the worse answer."""


@dataclass(frozen=True)
class Lengths:
    """Tokens of what is read as one text; a pair of answers to a question makes two texts.

    Attributes:
        texts: so many texts a row makes.
        mean: of a whole text.
        read: of what is read of a text within the maximum length, on average.
        longest: text.
        is_exact: counted, not estimated.
    """

    texts: int
    mean: float
    read: float
    longest: float
    is_exact: bool = False


def of(spec: RunSpec, known: Known) -> Lengths | None:
    """Return how long the rows are; None while the data or the model is not ready."""
    if not known.is_read or known.facts is None:
        return None
    if spec.method == "distill":
        return _tried(spec, known)
    if known.lengths is not None and len(known.lengths):
        return _counted(spec, known)
    mean, longest = (_estimated(known, which) for which in ("mean", "longest"))
    return Lengths(texts_of(spec, known), mean, _read(spec, mean), longest)


def longest(known: Known) -> float | None:
    """Return the tokens of the longest text; None while the data or the model is not ready."""
    if not known.is_read or known.facts is None:
        return None
    if known.lengths is not None and len(known.lengths):
        return float(known.lengths[:, 0].max())
    return _estimated(known, "longest")


def typical(known: Known) -> float | None:
    """Return the tokens of a row on average, estimated; None while data or model is not ready.

    Estimated even where they were counted, so that what is derived from it does not change then.
    """
    if not known.is_read or known.facts is None:
        return None
    return _estimated(known, "mean")


def texts_of(spec: RunSpec, known: Known) -> int:
    """Return how many texts a row makes: KTO takes a pair apart, the others of PAIRED keep it."""
    is_pair = known.data.target == Target.PREFERENCE
    return 2 if spec.method in PAIRED or (spec.method == "kto" and is_pair) else 1


def characters_per_token(vocabulary_size: int) -> float:
    """Return how many characters of English a token holds, estimated from the vocabulary's size.

    Measured with byte-level BPE on text of another kind than the tokenizer was trained on: 1.4 at
    300 tokens, 2.1 at 1,024, 2.4 at 2,048, 2.6 at 4,096 (half more on text of its own kind: 3.6 of
    the starter model on its samples, 4.0 at 4,096). Large vocabularies reach 4 to 4.5. Each
    doubling adds about the same.
    """
    grown = 2.5 + 0.375 * math.log2(max(vocabulary_size, 1) / 2048)
    return min(4.5, max(1.0, grown))


def _counted(spec: RunSpec, known: Known) -> Lengths:
    longs = known.lengths[:, 0]
    mean = float(longs.mean())
    cut = float(np.minimum(longs, spec.max_length).mean())
    read = mean if spec.method == "pretrain" else cut
    return Lengths(1, mean, read, float(longs.max()), is_exact=True)


def _read(spec: RunSpec, mean: float) -> float:
    """Return what is read of a text; continued pretraining divides long ones, nothing is cut."""
    return mean if spec.method == "pretrain" else min(float(spec.max_length), mean)


def _tried(spec: RunSpec, known: Known) -> Lengths:
    """Return the questions with answers of the model's own, as long as they may become."""
    share = 1.0 - _answer_share(known)
    mean, longest = (share * _estimated(known, which) for which in ("mean", "longest"))
    answer = min(spec.answer_tokens, spec.max_length)
    read = min(float(spec.max_length), mean + answer)
    return Lengths(1, mean + answer, read, longest + answer)


def _estimated(known: Known, which: str) -> float:
    """Return the tokens of the mean or of the longest text, chat template included."""
    data, facts = known.data, known.facts
    characters = float(data.report["characters"][which]) if data.report else 0.0
    if data.target == Target.PREFERENCE:  # counted were the question and both answers
        characters *= 1.0 - _answer_share(known) / 2
    template = 0 if "text" in (data.shape, data.target) else TEMPLATE_TOKENS
    size = facts.vocabulary_size if facts else 1
    return characters / characters_per_token(size) + template


def _answer_share(known: Known) -> float:
    """Return the share of the characters that answers make up; half where it was not counted."""
    counted = (known.data.report or {}).get("characters", {})
    return float(counted.get("answer_share", 0.5))
