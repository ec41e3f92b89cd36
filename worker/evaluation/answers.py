"""An evaluation in the child: each contestant answers every question, kept as they come.

The answers stand in the database, so that an attempt goes on where the one before it ended.
"""

import gc
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storage import evaluations
from storage.errors import StudioError, Superseded
from storage.evaluations import Answer, Evaluation
from storage.trust_tables import EvaluationRow
from worker import failures
from worker.answer_progress import AnswerProgress
from worker.chat.stored import StoredCatalogue
from worker.datasets.operations.stream import Report
from worker.evaluation import care, scores
from worker.prepare import Place

if TYPE_CHECKING:  # torch: only the child loads it
    from worker.chat import author

LONGEST = 512
"""Tokens of an answer at most, where nothing else is asked for."""

KEPT_EVERY = 0.5  # seconds; answers that were not kept are written again after a death


def evaluate(place: Place, row: EvaluationRow, report: Report) -> dict[str, Any]:
    """Let every contestant answer what it has not answered yet.

    A contestant that cannot be loaded, or breaks down, is told in the result; the others go on.

    Returns:
        `result`: what `scores` makes of the answers, and `sides`: how each contestant did.

    Raises:
        StudioError: no contestant could answer anything.
        Superseded: this attempt counts no more.
    """
    report(0.0, "Looking for answers that are there")
    evaluation = evaluations.get(place.database, row.owner, row.id, deleted=True)
    with _Book(place, evaluation, row.attempt) as book:
        failed = _ask_all(place, book, report)
    given = evaluations.answers(place.database, row.id)
    if failed and not given:
        raise next(iter(failed.values()))
    return {"result": scores.of(evaluation, given, failed)}


@dataclass
class _Book:
    """The answers that are there; new ones are written some at a time."""

    place: Place
    evaluation: Evaluation
    attempt: int
    there: set[tuple[int, int]] = field(init=False)
    _new: list[Answer] = field(default_factory=list)
    _kept_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.there = evaluations.answered(self.place.database, self.evaluation.id)

    def __enter__(self) -> "_Book":
        return self

    def __exit__(self, *_: object) -> None:
        self.keep()

    def open_questions(self, side: int) -> list[int]:
        """Return the numbers of the questions that a side has not answered."""
        return [n for n in range(self.evaluation.questions) if (side, n) not in self.there]

    def add(self, answer: Answer) -> None:
        """Note an answer; it is in the database half a second later, or at the end."""
        self.there.add((answer.side, answer.number))
        self._new.append(answer)
        if time.monotonic() - self._kept_at >= KEPT_EVERY:
            self.keep()

    def keep(self) -> None:
        """Write what is new."""
        new, self._new = self._new, []
        if new:
            key = (self.evaluation.id, self.attempt)
            evaluations.add_answers(self.place.database, key, new)
        self._kept_at = time.monotonic()


def _ask_all(place: Place, book: _Book, report: Report) -> dict[int, StudioError]:
    """Ask the contestants one after the other; returns why sides could not answer."""
    evaluation, failed = book.evaluation, dict[int, StudioError]()
    total = evaluation.questions * len(evaluation.contestants)
    progress = AnswerProgress(total, len(book.there), report)
    for side in range(len(evaluation.contestants)):
        open_questions = book.open_questions(side)
        if not open_questions:
            continue
        share = len(book.there) / progress.total
        report(share, f"Loading {evaluation.titles[side]}")
        try:
            _ask(place, book, side, progress)
        except Superseded:
            raise
        except (StudioError, RuntimeError, OSError, MemoryError) as error:
            failed[side] = _told(error)
            progress.total -= len(book.open_questions(side))
        gc.collect()  # the model before it makes room
    return failed


def _ask(place: Place, book: _Book, side: int, progress: AnswerProgress) -> None:
    """Let one contestant answer what it has not answered. Raises what its model raises."""
    from worker.chat.author import Author  # noqa: PLC0415  (torch: only the child)
    from worker.chat.sampling import Sampling  # noqa: PLC0415  (as before)

    evaluation = book.evaluation
    name = evaluation.contestants[side]
    contestant = StoredCatalogue(place.database, place.files, evaluation.owner).find(name)
    asking = care.Asking(side, care.rules(place, evaluation, name))
    sampling = Sampling.model_validate(evaluation.sampling)
    with Author(contestant, sampling, sampling.max_tokens or LONGEST) as author:
        questions = _questions(evaluation, book.open_questions(side))
        for answer in asking.answers(author, questions, lambda: progress.tell(len(book.there))):
            book.add(answer)
            progress.tokens += answer.facts.get("tokens", 0)


def _questions(evaluation: Evaluation, numbers: Iterable[int]) -> Iterator["author.Question"]:
    from worker.chat.author import Question  # noqa: PLC0415  (torch: only the child)

    said = [{"role": "system", "content": evaluation.system}] if evaluation.system else []
    for number in numbers:
        asked = {"role": "user", "content": evaluation.prompts[number]["text"]}
        yield Question(number, [*said, asked])


def _told(error: Exception) -> StudioError:
    """Return what a person is told of a contestant that cannot answer; a bug is raised again."""
    if isinstance(error, StudioError):  # anew: the old one's frames hold the model in memory
        return StudioError(error.message, error.hint)
    known = failures.known_in(f"{type(error).__name__}: {error}")
    if known is None or known is failures.FULL:
        raise error
    return StudioError(known.message, "Choose a smaller model, or close other programs.")
