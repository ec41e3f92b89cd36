"""A new version whose answers a model writes: kept one by one, so that no answer is written twice.

Finished answers stand in a journal until the version is there. A worker that died, or was asked to
shut down, leaves it, and the next attempt goes on behind it.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from storage import contestants, rows
from storage.artifacts import Artifacts
from storage.contestants import Contestant
from storage.database import Database
from storage.errors import StudioError
from storage.operations import Answers
from worker.answer_journal import Journal
from worker.answer_progress import AnswerProgress
from worker.chat import catalogue
from worker.datasets.operations import answers
from worker.datasets.operations.answers import Fate, Tally
from worker.datasets.operations.stream import NAMES, Report, line_of, target_of, told

if TYPE_CHECKING:  # torch: only the child loads it
    from worker.chat.author import Answer

JOURNAL = "answers.jsonl"

_WRITTEN = 0.98  # share of the work that is done before the rows are put together


@dataclass(frozen=True)
class Asked:
    """What is to be done: the operation, the rows' folder, and who answers."""

    operation: Answers
    folder: Path
    voice: Contestant


def asked(database: Database, files: Artifacts, owner: str, found: tuple[Answers, Path]) -> Asked:
    """Return the work on an operation and its parent's folder of rows.

    Raises:
        NotFound: the model is not there any more.
    """
    operation, folder = found
    voice = contestants.find(database, files, owner, operation.voice)
    return Asked(operation, folder, voice)


def write(work: Asked, target: Path, kept: Path, report: Report) -> dict[str, Any]:
    """Let the model answer and write the rows; goes on where an earlier attempt ended.

    Args:
        work: see `Asked`.
        target: the file to write.
        kept: folder for the journal; to be removed once the version is ready, not before.
        report: told the share done and how long it takes; may raise to end the work.

    Returns:
        what the version's report tells of it: `model`, `voice`, the counts, and `sentences`.

    Raises:
        StudioError: the rows cannot stay as asked, the model cannot answer, or no answer is of use.
    """
    holds = target_of(work.folder)
    if work.operation.existing == "keep" and holds != "chat":
        raise StudioError(
            f"The rows are {NAMES[holds]}, which cannot stay beside conversations.",
            "Let the new answers take the place of the old ones.",
        )
    kept.mkdir(parents=True, exist_ok=True)
    with closing(Journal(kept / JOURNAL, _identity(work))) as journal:
        reasons = _answer(work, journal, report)
        tally = _put_together(work, journal, target, report)
    if not tally.written and not (tally.cut_off and work.operation.keep_cut_off):
        raise _nothing(work, tally, reasons)
    return _told(work, tally)


def _identity(work: Asked) -> dict[str, Any]:
    """What must be the same for finished answers to count."""
    return {"operation": work.operation.model_dump(mode="json"), "model": _weights(work.voice)}


def _weights(voice: Contestant) -> list[list[Any]]:
    """The files of a model's weights, each with its size and when it was written."""
    folders = [each for each in (voice.base_folder, voice.adapter_folder) if each]
    files = [file for folder in folders for file in sorted(folder.glob("*.safetensors"))]
    stats = [(file, file.stat()) for file in files]
    return [[file.name, stat.st_size, stat.st_mtime_ns] for file, stat in stats]


# Answering.


def _voice(found: Contestant) -> catalogue.Contestant:
    folders = found.base_folder, found.adapter_folder
    return catalogue.Contestant(found.name, found.title, *folders, found.base_id)


def _answer(work: Asked, journal: Journal, report: Report) -> list[str]:
    """Fill the journal; returns why questions were refused, the first few reasons."""
    from worker.chat.author import Author, Question  # noqa: PLC0415  (torch: only the child)
    from worker.chat.sampling import Sampling  # noqa: PLC0415  (as before)

    def open_questions() -> Iterator[Question]:
        for number, row in enumerate(rows.iterate(work.folder)):
            if number in journal:
                continue
            found = answers.question(row, work.operation)
            if isinstance(found, str):
                journal.add(number, found, "")
            else:
                yield Question(number, found)

    operation, total = work.operation, rows.count(work.folder)
    if len(journal) == total:
        return []
    report(0.0, f"Loading {work.voice.title}")
    sampling = Sampling(temperature=operation.temperature, seed=operation.seed)
    progress = AnswerProgress(total, len(journal), report, _WRITTEN)
    with Author(_voice(work.voice), sampling, operation.longest) as author:
        for answer in author.answer(open_questions(), lambda: progress.tell(len(journal))):
            journal.add(answer.number, _fate(answer), answer.text)
            progress.tokens += answer.tokens
        return author.reasons


def _fate(answer: "Answer") -> Fate:
    if answer.ended == "length":
        return "cut_off"
    if answer.ended == "stop":
        return "written" if answer.text else "empty"
    return answer.ended


# Rows.


def _put_together(work: Asked, journal: Journal, target: Path, report: Report) -> Tally:
    tally, operation = Tally(), work.operation
    with target.open("wb", buffering=1 << 20) as file:
        for number, line in enumerate(told(work.folder, report, _WRITTEN)):
            fate, text = journal.get(number)
            tally.add(fate)
            if operation.existing == "keep":
                tally.kept += 1
                file.write(line)
            if fate == "written" or (fate == "cut_off" and operation.keep_cut_off):
                row = orjson.loads(line)
                tally.earlier += answers.has_earlier(row)
                file.write(line_of(answers.answered(row, text)))
    return tally


def _told(work: Asked, tally: Tally) -> dict[str, Any]:
    return {
        "model": work.voice.title,
        "voice": work.voice.name,
        "base": work.voice.base_title,
        **asdict(tally),
        "sentences": tally.sentences(work.operation),
    }


def _nothing(work: Asked, tally: Tally, reasons: list[str]) -> StudioError:
    if reasons:
        return StudioError("The model could answer no question.", reasons[0])
    hints = {
        "cut_off": "Raise the longest answer, or keep answers that are cut off.",
        "too_long": "Lower the longest answer, or choose a model with a longer context.",
        "tools": "Choose a dataset without tools.",
        "empty": "Choose another model: this one says nothing.",
    }
    counted = asdict(tally)
    most = max(hints, key=lambda name: counted[name])
    words = " ".join(tally.sentences(work.operation))
    return StudioError(f"There would be no new answer. {words}", hints[most])
