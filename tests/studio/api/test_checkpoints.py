"""Saved states, a longer course and a run's history over HTTP."""

from typing import Any

import httpx
import pytest

from storage import artifacts, attempts, checkpoints, events, metrics
from storage.status import RunStatus
from storage.tables import RunRow
from studio.services.studio import Studio
from tests.studio.api.test_runs import spec, training  # noqa: F401  (fixtures)


@pytest.fixture
def finished(studio: Studio, training: tuple[str, int]) -> str:  # noqa: F811  (the fixture)
    """Return the id of a run that finished, with two saved states, the first the better one."""
    run_id, attempt = training
    metrics.report(studio.database, run_id, attempt, [], step=6, total_steps=6, checkpoint_step=2)
    for step, loss in ((1, 1.0), (2, 2.0)):
        folder = checkpoints.folder_of(studio.artifacts.run(run_id))
        about = {"step": step, "attempt": attempt, "eval_loss": loss}
        with artifacts.staged(folder / checkpoints.name_of(step, attempt), about) as staging:
            (staging / "optimizer.pt").write_bytes(b"x" * 50)
    attempts.end(studio.database, run_id, attempt, RunStatus.FINISHED, "finished after step 2")
    return run_id


def test_saved_states_are_listed_deleted_and_cleaned_up(
    client: httpx.Client, finished: str
) -> None:
    path = f"/api/v1/runs/{finished}/checkpoints"
    found = client.get(path).json()
    assert ([state["step"] for state in found["states"]], found["bytes"]) == ([2, 1], 100)
    refused = client.delete(f"{path}/1")
    assert refused.status_code == 409
    assert "best one" in refused.json()["error"]["hint"]
    [space] = client.get("/api/v1/saved-states").json()
    assert (space["run_id"], space["freeable"]) == (finished, 50)
    assert client.post("/api/v1/saved-states/clean", json={"run_ids": [finished]}).json() == {
        "bytes": 50
    }
    assert [state["step"] for state in client.get(path).json()["states"]] == [1]
    assert client.delete(f"{path}/2").status_code == 404


def test_a_finished_run_trains_longer(client: httpx.Client, finished: str) -> None:
    path = f"/api/v1/runs/{finished}"
    assert client.post(f"{path}/extend", json={}).status_code == 422
    epochs = client.get(path).json()["spec"]["epochs"]
    fault = client.post(f"{path}/extend", json={"epochs": epochs}).json()["faults"][0]
    assert (fault["field"], "so many are done" in fault["message"]) == ("epochs", True)
    longer = client.post(f"{path}/extend", json={"epochs": epochs + 1}).json()
    assert (longer["status"], longer["spec"]["epochs"]) == ("queued", epochs + 1)


def test_what_happened_is_told_once_and_in_order(
    client: httpx.Client, studio: Studio, finished: str
) -> None:
    def told() -> list[Any]:
        answer = client.get(f"/api/v1/runs/{finished}/events").json()
        return [(one["kind"], one["words"]) for one in answer]

    assert told() == [("began", "It began."), ("ended", "Finished after step 2.")]
    with studio.database.write() as session:
        row = session.get_one(RunRow, finished)
        events.note(session, row, "early_stop", "finished after step 2, early")
    assert [kind for kind, _ in told()] == ["began", "early_stop"]
