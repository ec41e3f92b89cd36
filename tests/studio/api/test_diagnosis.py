"""What a run's curves say, over HTTP: from the points that are stored."""

import httpx
import pytest
from sqlalchemy import update

from storage import attempts, base_models, datasets, metrics
from storage.base_models import Source
from storage.ids import LOCAL_PERSON
from storage.metrics import Point
from storage.tables import BaseModelRow, DatasetRow
from studio.services.studio import Studio


@pytest.fixture
def training(client: httpx.Client, studio: Studio) -> tuple[str, int]:
    """Id and attempt of a run that a worker has claimed."""
    data = datasets.add(studio.database, LOCAL_PERSON, "mine.jsonl", "a" * 64, 10)
    model = base_models.add(studio.database, LOCAL_PERSON, "Starter", Source.STARTER, "starter")
    with studio.database.write() as session:
        session.execute(update(DatasetRow).values(status="ready", rows_good=10))
        session.execute(update(BaseModelRow).values(status="ready"))
    spec = {"name": "First", "dataset_id": data.id, "base_model_id": model.id, "max_steps": 40}
    client.post("/api/v1/runs", json=spec)
    run = attempts.claim(studio.database, "here:1:1.00", 30)
    assert run is not None
    attempts.begin(studio.database, run.id, run.attempt)
    return run.id, run.attempt


def test_a_run_that_overfits_says_since_when_and_what_to_change(
    client: httpx.Client, studio: Studio, training: tuple[str, int]
) -> None:
    run_id, attempt = training
    exams = {5: 2.0, 10: 1.6, 15: 1.5, 20: 1.6, 25: 1.75, 30: 1.9, 35: 2.1, 40: 2.3}
    points = [Point("loss", step, 3.0 - 0.07 * step) for step in range(1, 41)]
    points += [Point("eval_loss", step, loss) for step, loss in exams.items()]
    metrics.report(studio.database, run_id, attempt, points)

    found = client.get(f"/api/v1/runs/{run_id}/diagnosis").json()

    assert (found["kind"], found["since"]) == ("overfitting", 15)
    assert "since step 15" in found["words"]
    settings = [change["settings"] for change in found["changes"]]
    assert {"max_steps": 15} in settings
    assert {"learning_rate": 1e-4} in settings


def test_before_its_first_steps_it_is_too_early(
    client: httpx.Client, training: tuple[str, int]
) -> None:
    found = client.get(f"/api/v1/runs/{training[0]}/diagnosis").json()
    assert (found["kind"], found["since"], found["changes"]) == ("too_early", None, [])


def test_of_a_run_that_is_not_there_nothing_is_said(client: httpx.Client) -> None:
    assert client.get("/api/v1/runs/run_000000000000/diagnosis").status_code == 404
