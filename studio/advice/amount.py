"""How much a run reads: steps, tokens learned from, tokens of the exams."""

import math
from dataclasses import dataclass

from storage import specs
from storage.specs import RunSpec
from studio.advice import lengths
from studio.advice.known import Known
from studio.advice.lengths import Lengths

_EXAMS = 10
"""So many evaluations a run holds where nothing else is asked for (worker/training/arguments)."""


@dataclass(frozen=True)
class Amount:
    """What a run reads: optimizer steps, tokens learned from, tokens read in exams."""

    steps: int
    tokens: int
    exam_tokens: int


def of(spec: RunSpec, known: Known) -> Amount | None:
    """Return what a run reads; None where it is not known yet.

    Steps are counted as in worker/training/arguments.
    """
    found = lengths.of(spec, known)
    if found is None:
        return None
    exam = exam_rows(spec, known)
    rows = max(1, round(known.data.rows_good - exam))
    a_row = found.texts * found.read
    a_reading = math.ceil(_examples(spec, found, rows) / spec.effective_batch)
    steps = spec.max_steps or max(1, math.ceil(spec.epochs * a_reading))
    exams = math.ceil(steps / spec.eval_every) if spec.eval_every else min(steps, _EXAMS)
    exam_tokens = exams * exam * a_row
    return Amount(steps, round(steps / a_reading * rows * a_row), round(exam_tokens))


def exam_rows(spec: RunSpec, known: Known) -> float:
    """Return how many rows are kept for the exam: those that the data marks, else the share."""
    return float(known.data.rows_held_out) or known.data.rows_good * spec.eval_share


def is_packed(spec: RunSpec) -> bool:
    """Tell whether several short examples share a block."""
    return spec.packing and specs.applies("packing", spec.model_dump())


def _examples(spec: RunSpec, found: Lengths, rows: int) -> int:
    """Return what a reading hands over one by one: blocks, pieces of long texts, pairs, rows."""
    if is_packed(spec):
        return math.ceil(rows * found.read / spec.max_length)
    if spec.method == "pretrain":
        return math.ceil(rows * max(1.0, found.mean / spec.max_length))
    return rows * (found.texts if spec.method == "kto" else 1)
