"""Continued pretraining on plain text: supervised training whose data is read another way.

By hand: `python -m worker.training.pretrain RUN_ID`, see `by_hand`. Nothing of a text is cut off:
long ones are divided, and every token but a text's first is learned once.
"""

from typing import Any

from worker.training import data, fresh_process, recipe, sft
from worker.training.data import Side
from worker.training.job import Job, Outcome
from worker.training.recipe import Ready
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.templates import Template
from worker.training.tokens import Encoder


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run. Raises StudioError, see `recipe.train`."""
    return recipe.train(job, reporter, stops, prepare)


def prepare(job: Job, reporter: Reporter, stops: Stops) -> Ready:
    """Read the texts; model and trainer are those of supervised training."""
    return sft.prepare(job, reporter, stops, read_whole)


def read_whole(
    job: Job, tokenizer: Any, template: Template, stops: Stops
) -> tuple[Side, Side | None]:
    """Return the texts to learn from and those of the exam, long ones divided."""
    encoder = Encoder(tokenizer, template, response_only=False)
    length = job.spec.max_length

    def side(*, evaluation: bool) -> Side:
        rows = recipe.rows_of(job, evaluation=evaluation)
        return data.encode_whole(rows, encoder, length, stops.check)

    learned, examined = side(evaluation=False), None
    if recipe.has_exam(job):
        examined = side(evaluation=True)
    data.require_both(learned, examined)
    return learned, examined


if __name__ == "__main__":
    fresh_process.run()
