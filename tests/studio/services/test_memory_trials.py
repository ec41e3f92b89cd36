"""Trial steps are asked for once, believed when they are answered, and taken back when outdated."""

from typing import Any

import pytest

from storage import leases, work
from storage.analyses import Kind
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.tables import AnalysisRow
from studio.services import analyses, plans
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace

FOUND = {
    "bytes": 123_000_000,
    "parts": {"weights": 23_000_000, "adapter": 0, "gradients": 0, "optimizer": 0,
              "working": 100_000_000},
}  # fmt: skip


@pytest.fixture
def values(workplace: Workplace) -> dict[str, Any]:
    """Return settings of a run whose data and model are ready."""
    data, model = workplace.data(), workplace.model()
    workplace.work()
    return {"dataset_id": data.id, "base_model_id": model.id, "name": "Try", "max_length": 128}


def claimed(studio: Studio) -> Any:
    """Take the next question as the worker does; None: there is none."""
    return work.claim(studio.database, AnalysisRow, leases.worker_name(), 60)


def is_tried(studio: Studio, values: dict[str, Any]) -> bool:
    """Tell whether the plan knows a trial step's answer."""
    takes = plans.plan(studio, ME, values).memory
    assert takes is not None
    return takes.is_tried


def test_a_trial_step_is_asked_for_once_and_then_believed(
    studio: Studio, values: dict[str, Any]
) -> None:
    assert not is_tried(studio, values)
    assert plans.try_memory(studio, ME, values)
    assert plans.try_memory(studio, ME, values)
    row = claimed(studio)
    assert row.kind == Kind.MEMORY
    assert claimed(studio) is None, "the same was asked twice"
    assert plans.try_memory(studio, ME, values), "an answer is on its way"
    work.finish(studio.database, AnalysisRow, (row.id, row.attempt), result=FOUND)
    assert is_tried(studio, values)
    assert is_tried(studio, {**values, "name": "Another name", "learning_rate": 0.001})
    assert not is_tried(studio, {**values, "rank": 4})
    assert not plans.try_memory(studio, ME, values), "nothing more will come"


def test_what_was_asked_of_earlier_settings_is_taken_back(
    studio: Studio, values: dict[str, Any]
) -> None:
    for rank in (4, 8, 16):
        assert plans.try_memory(studio, ME, {**values, "rank": rank})
    row = claimed(studio)
    assert row.question["settings"]["rank"] == 16
    assert claimed(studio) is None


def test_what_cannot_be_tried_is_not_asked(studio: Studio, values: dict[str, Any]) -> None:
    assert not plans.try_memory(studio, ME, {**values, "rank": "many"})
    assert not plans.try_memory(studio, ME, {**values, "dataset_id": "data_000000000000"})
    assert claimed(studio) is None


def test_a_trial_step_that_failed_leaves_the_estimate(
    studio: Studio, values: dict[str, Any]
) -> None:
    plans.try_memory(studio, ME, values)
    row = claimed(studio)
    error = StudioError("It cannot be tried.")
    work.fail(studio.database, AnalysisRow, (row.id, row.attempt), error)
    assert not is_tried(studio, values)
    assert not plans.try_memory(studio, ME, values)
    assert analyses.get(studio, ME, row.id).error == "It cannot be tried."
