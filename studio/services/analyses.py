"""Questions that the worker answers: care, token lengths, rows token by token, memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from storage import analyses, specs
from storage.analyses import Analysis, Kind
from storage.datasets import Dataset
from storage.errors import Fault, Refused, StudioError
from storage.safety import profiles
from storage.status import WorkStatus
from studio.services import base_models, datasets, forms
from studio.services.studio import Studio


class CareQuestion(BaseModel):
    """Duplicates, personal data, odd answers, readability: nothing to choose."""

    model_config = ConfigDict(extra="forbid")


class TokensQuestion(BaseModel):
    """How long every row is for a model, and what of it is learned."""

    model_config = ConfigDict(extra="forbid")

    response_only: bool = True


class PreviewQuestion(BaseModel):
    """Some rows token by token; `rows` are numbers from 0."""

    model_config = ConfigDict(extra="forbid")

    rows: list[int] = Field(min_length=1, max_length=20)
    max_length: int = Field(ge=1, le=1_000_000)
    response_only: bool = True


class MemoryQuestion(BaseModel):
    """What a step takes: some settings of a run, and the texts that are read at once, in tokens."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any]
    texts: list[Annotated[int, Field(ge=2, le=1_048_576)]] = Field(min_length=1, max_length=4096)
    learned: float = Field(default=1.0, ge=0, le=1)
    asks_first: bool = False


class SafetyQuestion(BaseModel):
    """Which rows break a rule of a safety profile."""

    model_config = ConfigDict(extra="forbid")

    profile_id: str = Field(min_length=1, max_length=64)


QUESTIONS: dict[Kind, type[BaseModel]] = {
    Kind.CARE: CareQuestion,
    Kind.TOKENS: TokensQuestion,
    Kind.PREVIEW: PreviewQuestion,
    Kind.MEMORY: MemoryQuestion,
    Kind.SAFETY: SafetyQuestion,
}


@dataclass(frozen=True)
class Length:
    """What a length limit does to a dataset.

    Attributes:
        rows: all of them.
        cut: rows that are longer than the limit.
        lost: rows whose answer would be cut away entirely.
        learned_share: tokens learned from among those that are read, 0 to 1.
    """

    rows: int
    cut: int
    lost: int
    learned_share: float


def ask(
    studio: Studio,
    owner: str,
    dataset_id: str,
    kind: str,
    question: dict[str, Any],
    base_model_id: str | None = None,
) -> Analysis:
    """Put a question; one that was answered already is not asked again.

    Raises:
        NotFound: there is no such dataset, base model or profile of that owner.
        Refused: the question cannot be understood, by field.
        StudioError: the dataset or the base model is not ready.
    """
    found = datasets.get(studio, owner, dataset_id)
    if kind not in list(Kind):
        raise Refused([Fault("kind", f"Must be one of {', '.join(Kind)}.")])
    chosen = Kind(kind)
    if (chosen not in analyses.WITHOUT_MODEL) != bool(base_model_id):
        words = "Choose a base model." if not base_model_id else "None is needed here."
        raise Refused([Fault("base_model_id", words)])
    asked = forms.read(QUESTIONS[chosen].model_validate, question, "question")
    if isinstance(asked, PreviewQuestion):
        _check_rows(asked.rows, found)
    if isinstance(asked, MemoryQuestion):
        specs.parse({**asked.settings, "dataset_id": dataset_id, "base_model_id": base_model_id})
    told = asked.model_dump(mode="json")
    if isinstance(asked, SafetyQuestion):  # as it is now: of a changed one it is another question
        told["profile"] = profiles.get(studio.settings.home, asked.profile_id).model_dump(
            mode="json"
        )
    put = analyses.ask(studio.database, owner, dataset_id, chosen, told, base_model_id)
    if put.status is WorkStatus.WAITING:
        studio.doorbell.ring()
    return put


def get(studio: Studio, owner: str, analysis_id: str) -> Analysis:
    """Return one analysis. Raises NotFound."""
    return analyses.get(studio.database, owner, analysis_id)


def care(studio: Studio, owner: str, dataset_id: str) -> Analysis | None:
    """Return the care report of a dataset, or how far it is; None before the dataset is ready.

    Raises:
        NotFound: there is no such dataset of that owner.
    """
    return analyses.latest(studio.database, owner, dataset_id, Kind.CARE)


def length(
    studio: Studio,
    owner: str,
    dataset_id: str,
    base_model_id: str,
    max_length: int,
    *,
    response_only: bool = True,
) -> Length:
    """Say what a length limit in tokens does to a dataset's rows.

    The share of learned tokens is exact where nothing is cut and where each row has one answer;
    with several, it takes answers and questions to be spread evenly from the first answer on.

    Raises:
        NotFound: there is no such dataset or base model of that owner.
        StudioError: the tokens have not been counted for this model.
    """
    question = {"response_only": response_only}
    told = analyses.latest(studio.database, owner, dataset_id, Kind.TOKENS, question, base_model_id)
    counted = token_lengths(studio, owner, dataset_id, base_model_id, response_only=response_only)
    if told is None or told.result is None or counted is None:
        raise StudioError(
            "The tokens of this data have not been counted for this model yet.",
            'Ask for the analysis "tokens" first.',
        )
    return _length(counted, max_length, told.result)


def token_lengths(
    studio: Studio, owner: str, dataset_id: str, base_model_id: str, *, response_only: bool
) -> Any:
    """Return the tokens of each row for a model, as the worker counted them; None: it has not.

    Shape (rows, 2): its length, and the place of its first learned token (the length: there is
    none).

    Raises:
        NotFound: there is no such dataset or base model of that owner.
    """
    path = _lengths_file(studio, owner, dataset_id, base_model_id, response_only=response_only)
    if path is None or not path.is_file():
        return None
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _lengths_file(
    studio: Studio, owner: str, dataset_id: str, base_model_id: str, *, response_only: bool
) -> Path | None:
    folder = datasets.prepared(studio, datasets.get(studio, owner, dataset_id))
    model = base_models.get(studio, owner, base_model_id)
    if folder is None or model.fingerprint is None:
        return None
    return folder / analyses.token_lengths(model.fingerprint, answers_only=response_only)


def _length(lengths: Any, most: int, counted: dict[str, Any]) -> Length:
    """Judge an array of shape (rows, 2): length and first learned token, as the worker wrote it."""
    longs, firsts = (lengths[:, column].astype(np.int64) for column in (0, 1))
    answered = int((longs - firsts).sum())
    density = counted["learned"] / answered if answered else 0.0
    read = np.minimum(longs, most)
    learned = density * int((read - np.minimum(firsts, read)).sum())
    return Length(
        rows=len(longs),
        cut=int((longs > most).sum()),
        lost=int(((firsts >= most) & (firsts < longs)).sum()),
        learned_share=learned / max(1, int(read.sum())),
    )


def _check_rows(numbers: list[int], found: Dataset) -> None:
    wrong = [str(number) for number in numbers if not 0 <= number < found.rows_good]
    if wrong:
        words = f"There is no row {', '.join(wrong)}; rows count from 0 to {found.rows_good - 1}."
        raise Refused([Fault("question.rows", words)])
