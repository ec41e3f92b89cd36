"""How long every row is for a model, and what of it is learned: the analysis of tokens."""

import math
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from storage import rows
from worker.training import models, templates
from worker.training.piecewise import Differs, Piecewise, learned
from worker.training.pretokens import Unsuited
from worker.training.spans import Span
from worker.training.tokens import IGNORED, Encoder, Row, Tokens

_AT_ONCE = 256
_CHECKED_FIRST = 32  # rows that the encoder counts too, at the beginning
_CHECKED = 2  # and so many of each group after that
_BARS = 20
_PERCENTILES = (50, 90, 95, 99, 100)
_SECONDS_BETWEEN_REPORTS = 0.5

Measure = tuple[int, int, int]
"""Of a row: its tokens, the place of the first learned one, and how many are learned.

The first token of a row is never learned, as nothing predicts it.
"""


@dataclass
class Lengths:
    """Length and place of the first learned token of each row, one after the other."""

    pairs: "array[int]" = field(default_factory=lambda: array("I"))
    learned: int = 0
    unlearned_rows: int = 0

    def add(self, measure: Measure) -> None:
        """Take in a row."""
        length, first, count = measure
        self.pairs.extend((length, first))
        self.learned += count
        self.unlearned_rows += not count


def analyse_tokens(
    rows_folder: Path,
    base_folder: Path,
    response_only: bool,
    array_file: Path,
    report: Callable[[float, str], None],
) -> dict[str, Any]:
    """Count the tokens of every row, written with the model's chat template.

    The counts are those of `Encoder`, row by row; quicker where the tokenizer's pieces can be
    counted one by one (`counted` is then "fast"), which a sample of the rows checks.

    Args:
        rows_folder: of the prepared rows.
        base_folder: of the model.
        response_only: learn the answers only.
        array_file: gets the length of each row and the place of its first learned token (the length
            where there is none): NumPy's format, shape (rows, 2), unsigned 32-bit.
        report: is told the share done, and what is being done.

    Returns:
        what the whole dataset comes to; see the analysis of kind "tokens".

    Raises:
        StudioError: a row does not fit the model's chat format; names the line.
    """
    tokenizer = models.load_tokenizer(base_folder)
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=response_only)
    why = None
    try:
        quick = QuickMeasure(encoder)
        lengths = _measured(rows_folder, quick, report)
    except (Unsuited, Differs) as reason:
        why = str(reason)
        lengths = _measured(rows_folder, lambda group: map(measure, encoder.encode(group)), report)
    found = np.array(lengths.pairs, dtype=np.uint32).reshape(-1, 2)
    _save(array_file, found)
    return _summary(found[:, 0], lengths) | {"counted": "batch" if why else "fast", "why": why}


def measure(tokens: Tokens) -> Measure:
    """Return the measure of an encoded row."""
    places = [n for n, label in enumerate(tokens.labels) if n and label != IGNORED]
    length = len(tokens.ids)
    return length, places[0] if places else length, len(places)


class QuickMeasure:
    """Measures rows by the pieces of their texts; those that it cannot, by the encoder.

    Raises:
        Unsuited: on creation, where the tokenizer allows no such thing.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._pieces = Piecewise(encoder.tokenizer)
        self._around, self._ends = _around(encoder.tokenizer)
        self._to_check = _CHECKED_FIRST

    def __call__(self, group: list[Row]) -> list[Measure]:
        """Return the measures of some rows.

        Raises:
            Differs: the encoder measures a row of the sample differently.
            StudioError: a row does not fit the chat format.
        """
        quick = [self.row(row) for row in group]
        chosen = {n for n, found in enumerate(quick) if found is None}
        chosen |= set(range(0, len(group), max(1, len(group) // self._to_check)))
        self._to_check = _CHECKED
        numbers = sorted(chosen)
        exact = map(measure, self.encoder.encode([group[n] for n in numbers]))
        for number, right in zip(numbers, exact, strict=True):
            if quick[number] not in (None, right):
                raise Differs("the tokenizer itself counted another number")
            quick[number] = right
        return [found for found in quick if found is not None]

    def row(self, row: Row) -> Measure | None:
        """Return the measure of a row; None where it takes the encoder."""
        if "text" in row:
            return self._text(row["text"])
        _, written = self.encoder.written(row)
        found = learned(written, self._pieces)
        return _of_spans(*found) if found else None

    def _text(self, text: str) -> Measure | None:
        count = self._pieces.count(text, is_text=True) if text else None
        if count is None:
            return None
        length = count + self._around + (not self._ends)
        return _of_spans(length, [(0, length)])


def _around(tokenizer: Any) -> tuple[int, bool]:
    """How many tokens a tokenizer puts around a text, and whether it ends with the end token."""
    end = tokenizer.eos_token_id
    bare = tokenizer("a", split_special_tokens=True, add_special_tokens=False)["input_ids"]
    whole = tokenizer("a", split_special_tokens=True)["input_ids"]
    ends_of_text = {token for token, kept in tokenizer.added_tokens_decoder.items() if kept.special}
    if end is not None and end not in ends_of_text:
        raise Unsuited("the token that ends a text may stand inside one")
    return len(whole) - len(bare), end is None or whole[-1] == end


def _of_spans(length: int, spans: list[Span]) -> Measure:
    kept = [(max(start, 1), end) for start, end in spans if end > max(start, 1)]
    first = kept[0][0] if kept else length
    return length, first, sum(end - start for start, end in kept)


def _measured(
    folder: Path,
    measures: Callable[[list[Row]], Any],
    report: Callable[[float, str], None],
) -> Lengths:
    lengths, total, told = Lengths(), max(1, rows.count(folder)), 0.0
    for group in _groups(rows.iterate(folder)):
        for found in measures(group):
            lengths.add(found)
        if time.monotonic() - told > _SECONDS_BETWEEN_REPORTS:
            told = time.monotonic()
            report(len(lengths.pairs) / 2 / total, "counting tokens")
    return lengths


def _groups(source: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(source, _AT_ONCE)):
        yield group


def _save(file: Path, found: npt.NDArray[np.uint32]) -> None:
    """Write aside and rename: the file is whole or not there."""
    aside = file.with_name(f".{file.name}")
    with aside.open("wb") as out:
        np.save(out, found)
    aside.replace(file)


def _summary(lengths: npt.NDArray[np.uint32], found: Lengths) -> dict[str, Any]:
    total = int(lengths.sum(dtype=np.uint64))
    return {
        "rows": len(lengths),
        "tokens": total,
        "learned": found.learned,
        "learned_share": found.learned / total if total else 0.0,
        "nothing_learned": found.unlearned_rows,
        "percentiles": _percentiles(lengths),
        "histogram": _histogram(lengths),
    }


def _percentiles(lengths: npt.NDArray[np.uint32]) -> dict[str, int]:
    """Of these shares of the rows, in percent, none is longer than so many tokens."""
    if not len(lengths):
        return {str(percent): 0 for percent in _PERCENTILES}
    values = np.percentile(lengths, _PERCENTILES, method="inverted_cdf")
    return {str(p): int(value) for p, value in zip(_PERCENTILES, values, strict=True)}


def _histogram(lengths: npt.NDArray[np.uint32]) -> list[dict[str, int]]:
    """Rows by length, in bars of one width; `to` is the first length that is not in a bar."""
    if not len(lengths):
        return []
    width = math.ceil((int(lengths.max()) + 1) / _BARS)
    counts = np.bincount(lengths // width)
    return [
        {"from": n * width, "to": (n + 1) * width, "rows": int(count)}
        for n, count in enumerate(counts)
    ]
