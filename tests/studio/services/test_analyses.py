"""Questions about data: asked once, in words when they make no sense; what a length cuts off."""

from typing import Any

import numpy as np
import pytest

from storage import base_models, leases, work
from storage.analyses import Analysis, token_lengths
from storage.base_models import Source
from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.tables import AnalysisRow, BaseModelRow
from studio.services import analyses, datasets
from studio.services.studio import Studio
from tests.fakes.prepared_data import questions, ready


@pytest.fixture
def model(studio: Studio) -> str:
    """Return the id of a base model that is ready."""
    added = base_models.add(studio.database, ME, "Tiny", Source.FOLDER, "/tiny").id
    row = work.claim(studio.database, BaseModelRow, leases.worker_name(), 60)
    assert row is not None
    found = {"folder": "/tiny", "fingerprint": "f" * 64, "facts": {}}
    work.finish(studio.database, BaseModelRow, (added, row.attempt), **found)
    return added


def answered(studio: Studio, asked: Analysis, result: dict[str, Any]) -> None:
    """Answer as the worker does."""
    row = work.claim(studio.database, AnalysisRow, leases.worker_name(), 60)
    assert row is not None
    assert row.id == asked.id
    work.finish(studio.database, AnalysisRow, (row.id, row.attempt), result=result)


def test_a_question_is_asked_once_and_the_worker_is_told(studio: Studio, model: str) -> None:
    data = ready(studio, questions(5)).id
    first = analyses.ask(studio, ME, data, "tokens", {}, model)
    assert first.question == {"response_only": True}
    assert studio.doorbell.queue.pending_count() == 1
    assert analyses.ask(studio, ME, data, "tokens", {"response_only": True}, model) == first
    answered(studio, first, {"learned": 1})
    assert analyses.get(studio, ME, first.id).result == {"learned": 1}
    rung = studio.doorbell.queue.pending_count()
    assert analyses.ask(studio, ME, data, "tokens", {}, model).result == {"learned": 1}
    assert studio.doorbell.queue.pending_count() == rung


@pytest.mark.parametrize(
    ("kind", "question", "with_model", "faults"),
    [
        ("mood", {}, True, {"kind": "care, tokens, preview"}),
        ("tokens", {}, False, {"base_model_id": "Choose a base model."}),
        ("care", {}, True, {"base_model_id": "None is needed"}),
        ("care", {"deep": True}, False, {"question.deep": "no setting"}),
        ("preview", {"max_length": 0}, True, {
            "question.rows": "needed", "question.max_length": "at least 1",
        }),
        ("preview", {"rows": list(range(21)), "max_length": 64}, True, {"question.rows": "20"}),
        ("preview", {"rows": [4, 5, -1], "max_length": 64}, True, {"question.rows": "row 5, -1"}),
    ],
)  # fmt: skip
def test_a_question_that_makes_no_sense_is_refused_by_field(
    studio: Studio,
    model: str,
    kind: str,
    question: dict[str, Any],
    with_model: bool,
    faults: dict[str, str],
) -> None:
    data = ready(studio, questions(5)).id
    with pytest.raises(Refused) as refused:
        analyses.ask(studio, ME, data, kind, question, model if with_model else None)
    told = {fault.field: fault.message for fault in refused.value.faults}
    assert told.keys() == faults.keys()
    for field, words in faults.items():
        assert words in told[field]


def test_care_is_none_until_it_is_asked(studio: Studio) -> None:
    data = ready(studio, questions(5)).id
    assert analyses.care(studio, ME, data) is None
    asked = analyses.ask(studio, ME, data, "care", {})
    assert analyses.care(studio, ME, data) == asked


def test_what_a_length_cuts_is_counted_from_the_array(studio: Studio, model: str) -> None:
    data = ready(studio, questions(5)).id
    with pytest.raises(StudioError, match="not been counted") as refused:
        analyses.length(studio, ME, data, model, 10)
    assert "tokens" in refused.value.hint

    # five rows of (length, first learned token); the last has nothing to learn
    lengths = np.array([[8, 4], [10, 2], [20, 12], [30, 5], [15, 15]], dtype="<u4")
    name = token_lengths("f" * 64, answers_only=True)
    np.save(datasets.rows_folder(studio, ME, data) / name, lengths)
    learned = sum(long - first for long, first in lengths.tolist())
    asked = analyses.ask(studio, ME, data, "tokens", {}, model)
    answered(studio, asked, {"learned": learned})

    found = analyses.length(studio, ME, data, model, 10)
    assert (found.rows, found.cut, found.lost) == (5, 3, 1)
    # cut at 10: 8 + 10 + 10 + 10 + 10 tokens are read, of them 4 + 8 + 0 + 5 + 0 are learned
    assert found.learned_share == pytest.approx(17 / 48)
    whole = analyses.length(studio, ME, data, model, 1000)
    assert (whole.cut, whole.lost) == (0, 0)
    assert whole.learned_share == pytest.approx(learned / 83)
    with pytest.raises(StudioError, match="not been counted"):
        analyses.length(studio, ME, data, model, 10, response_only=False)


def test_somebody_elses_questions_are_not_there(studio: Studio, model: str) -> None:
    data = ready(studio, questions(5)).id
    asked = analyses.ask(studio, ME, data, "care", {})
    for call in (
        lambda: analyses.get(studio, "ben", asked.id),
        lambda: analyses.care(studio, "ben", data),
        lambda: analyses.ask(studio, "ben", data, "care", {}),
        lambda: analyses.length(studio, "ben", data, model, 10),
    ):
        with pytest.raises(NotFound):
            call()
