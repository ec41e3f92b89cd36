"""A run's diagnosis knows how the run stands and what its preset would give."""

from storage import attempts, leases, metrics, runs
from storage.ids import LOCAL_PERSON as ME
from storage.metrics import Point
from storage.specs import RunSpec
from studio.advice.diagnosis import Kind
from studio.services import base_models, diagnoses
from tests.fakes.workplace import Workplace


def stays(workplace: Workplace, **changes: float) -> str:
    """Return the id of a run under way whose loss stays at what it was."""
    data, model = workplace.data(), workplace.model()
    places = {"dataset_id": data.id, "base_model_id": model.id}
    run = runs.add(workplace.studio.database, ME, RunSpec(name="Try", **places, **changes))
    claimed = attempts.claim(workplace.studio.database, leases.worker_name(), 600)
    assert claimed is not None
    attempts.begin(workplace.studio.database, run.id, claimed.attempt)
    points = [Point("loss", step, 2.0 + 0.01 * (step % 3)) for step in range(1, 61)]
    database = workplace.studio.database
    metrics.report(database, run.id, claimed.attempt, points, step=60, total_steps=80)
    return run.id


def test_a_low_learning_rate_that_teaches_nothing_is_told_the_usual_one(
    workplace: Workplace,
) -> None:
    run_id = stays(workplace, learning_rate=1e-6)
    found = diagnoses.of(workplace.studio, ME, run_id)
    assert found.kind is Kind.NOTHING_LEARNED
    assert found.changes[0].settings == {"learning_rate": 3e-3}, "a tiny model's"


def test_without_its_model_the_usual_rate_is_not_known(workplace: Workplace) -> None:
    run_id = stays(workplace, learning_rate=1e-6)
    run = runs.get(workplace.studio.database, ME, run_id)
    base_models.delete(workplace.studio, ME, run.base_model_id)
    found = diagnoses.of(workplace.studio, ME, run_id)
    assert found.changes[0].settings == {"learning_rate": 3e-6}
