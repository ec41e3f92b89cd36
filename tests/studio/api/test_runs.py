"""Runs over HTTP."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from storage import attempts, base_models, datasets, metrics, ranks, work
from storage.base_models import Source
from storage.ids import LOCAL_PERSON
from storage.metrics import Point
from storage.tables import BaseModelRow, DatasetRow
from studio.services.studio import Studio


@pytest.fixture
def spec(studio: Studio) -> dict[str, Any]:
    """The least that a run needs: data and a base model, both still being prepared."""
    data = datasets.add(studio.database, LOCAL_PERSON, "mine.jsonl", "a" * 64, 10)
    model = base_models.add(studio.database, LOCAL_PERSON, "Starter", Source.STARTER, "starter")
    return {"name": "First", "dataset_id": data.id, "base_model_id": model.id}


@pytest.fixture
def training(client: httpx.Client, studio: Studio, spec: dict[str, Any]) -> tuple[str, int]:
    """Id and attempt of a run that a worker has claimed."""
    with studio.database.write() as session:
        session.execute(update(DatasetRow).values(status="ready", rows_good=10))
        session.execute(update(BaseModelRow).values(status="ready"))
    client.post("/api/v1/runs", json=spec)
    run = attempts.claim(studio.database, "here:1:1.00", 30)
    assert run is not None
    attempts.begin(studio.database, run.id, run.attempt)
    return run.id, run.attempt


def test_a_run_waits_in_the_queue_with_every_setting_filled_in(
    client: httpx.Client, spec: dict[str, Any]
) -> None:
    answer = client.post("/api/v1/runs", json=spec)

    assert answer.status_code == 201
    run = answer.json()
    assert (run["status"], run["step"], run["total_steps"]) == ("queued", 0, 0)
    assert (run["spec"]["rank"], run["adapter_id"], run["can_resume"]) == (16, None, False)
    assert run["created_at"].endswith("Z")
    assert client.get(f"/api/v1/runs/{run['id']}").json()["spec"] == run["spec"]
    assert [each["id"] for each in client.get("/api/v1/runs").json()] == [run["id"]]


def test_every_fault_is_named_by_field_at_once(client: httpx.Client, spec: dict[str, Any]) -> None:
    wrong = {**spec, "rank": 0, "learning_rate": "fast", "max_lenght": 10, "epochs": -1}

    answer = client.post("/api/v1/runs", json=wrong)

    assert answer.status_code == 422
    faults = {fault["field"]: fault["message"] for fault in answer.json()["faults"]}
    assert set(faults) == {"rank", "learning_rate", "max_lenght", "epochs"}
    assert faults["rank"] == "Must be at least 1."
    assert client.get("/api/v1/runs").json() == []


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"",
        b'"text"',
        b'{"rank": NaN}',
        b'{"rank": 1e999}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"name": "\\ud800"}',
        b"\xff\xfe{}",
    ],
)
def test_a_body_that_is_no_json_object_is_refused_in_words(
    client: httpx.Client, body: bytes
) -> None:
    for path in ("/api/v1/runs", "/api/v1/runs/plan"):
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]


def test_a_form_of_another_site_is_no_json(client: httpx.Client, spec: dict[str, Any]) -> None:
    answer = client.post(
        "/api/v1/runs", content=json.dumps(spec), headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415


def test_a_plan_says_what_would_happen_and_changes_nothing(
    client: httpx.Client, spec: dict[str, Any]
) -> None:
    answer = client.post("/api/v1/runs/plan", json={**spec, "batch_size": 3, "accumulation": 5})
    assert answer.json()["effective_batch"] == 15
    assert answer.json()["faults"] == []

    unknown = client.post("/api/v1/runs/plan", json={**spec, "dataset_id": "data_000000000000"})
    assert [fault["field"] for fault in unknown.json()["faults"]] == ["dataset_id"]
    assert client.get("/api/v1/runs").json() == []


def test_a_waiting_run_stops_goes_on_and_is_discarded_but_never_comes_back_from_that(
    client: httpx.Client, spec: dict[str, Any]
) -> None:
    path = f"/api/v1/runs/{client.post('/api/v1/runs', json=spec).json()['id']}"

    stopped = client.post(f"{path}/stop").json()
    assert (stopped["status"], stopped["can_resume"]) == ("stopped", True)
    assert client.post(f"{path}/resume").json()["status"] == "queued"
    assert client.post(f"{path}/discard").json()["status"] == "discarded"

    answer = client.post(f"{path}/resume")
    assert answer.status_code == 409
    assert "discarded" in answer.json()["error"]["message"]


def test_a_copy_is_settings_for_the_form_and_starts_nothing(
    client: httpx.Client, spec: dict[str, Any]
) -> None:
    run = client.post("/api/v1/runs", json={**spec, "rank": 4}).json()
    copy = client.post(f"/api/v1/runs/{run['id']}/duplicate").json()
    assert (copy["name"], copy["rank"]) == ("Copy of First", 4)
    assert len(client.get("/api/v1/runs").json()) == 1


def test_a_deleted_run_can_be_brought_back(client: httpx.Client, spec: dict[str, Any]) -> None:
    run = client.post("/api/v1/runs", json=spec).json()
    path = f"/api/v1/runs/{run['id']}"

    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/restore").json()["status"] == "stopped"


def test_only_new_points_travel(
    client: httpx.Client, studio: Studio, training: tuple[str, int]
) -> None:
    run_id, attempt = training
    metrics.report(studio.database, run_id, attempt, [Point("loss", 1, 2.5), Point("loss", 2, 2.0)])

    first = client.get(f"/api/v1/runs/{run_id}/metrics").json()
    assert [(one["name"], one["step"], one["value"]) for one in first["points"]] == [
        ("loss", 1, 2.5),
        ("loss", 2, 2.0),
    ]

    metrics.report(studio.database, run_id, attempt, [Point("loss", 3, float("nan"))])
    news = client.get(f"/api/v1/runs/{run_id}/metrics", params={"after": first["cursor"]}).json()
    assert [(one["step"], one["value"]) for one in news["points"]] == [(3, None)]
    assert news["reset_after"] is None

    curves = client.get(f"/api/v1/runs/{run_id}/curves").json()
    assert curves["curves"] == {"loss": {"steps": [1, 2, 3], "values": [2.5, 2.0, None]}}
    rest = client.get(f"/api/v1/runs/{run_id}/metrics", params={"after": curves["cursor"]}).json()
    assert rest["points"] == []


def test_a_cursor_that_the_studio_did_not_give_is_refused(
    client: httpx.Client, training: tuple[str, int]
) -> None:
    answer = client.get(f"/api/v1/runs/{training[0]}/metrics?after=nonsense")
    assert answer.status_code == 400
    assert "cursor" in answer.json()["error"]["message"]


def test_time_left_follows_from_the_pace_so_far(
    client: httpx.Client, studio: Studio, training: tuple[str, int]
) -> None:
    run_id, attempt = training
    metrics.report(studio.database, run_id, attempt, [], step=10, total_steps=40, seconds=5.0)

    assert client.get(f"/api/v1/runs/{run_id}").json()["seconds_left"] == 15.0


def test_the_log_is_read_on_from_where_it_ended(
    client: httpx.Client, studio: Studio, training: tuple[str, int]
) -> None:
    log = studio.artifacts.log_file(training[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"one\n")
    first = client.get(f"/api/v1/runs/{training[0]}/log").json()
    log.write_bytes(b"one\ntwo\n")
    more = client.get(f"/api/v1/runs/{training[0]}/log?offset={first['offset']}").json()
    assert (first["text"], more["text"]) == ("one\n", "two\n")


def test_the_starts_of_a_run_are_listed(client: httpx.Client, training: tuple[str, int]) -> None:
    found = client.get(f"/api/v1/runs/{training[0]}/attempts").json()
    assert [(one["attempt"], one["resumed_step"], one["outcome"]) for one in found] == [
        (1, None, None)
    ]


def test_what_belongs_to_somebody_else_is_not_there(client: httpx.Client, studio: Studio) -> None:
    other = datasets.add(studio.database, "somebody", "theirs.jsonl", "b" * 64, 1)
    for method, path in (
        ("GET", ""),
        ("GET", "/rows"),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("POST", "/retry"),
    ):
        answer = client.request(method, f"/api/v1/datasets/{other.id}{path}")
        assert answer.status_code == 404, (method, path)
    assert work.anything_waiting(studio.database, DatasetRow)


def test_the_first_batch_is_shown_once_the_trainer_has_it(
    client: httpx.Client, studio: Studio, training: tuple[str, int]
) -> None:
    address = f"/api/v1/runs/{training[0]}/first-batch"
    early = client.get(address)
    assert early.status_code == 409
    assert "not there yet" in early.json()["error"]["message"]
    token = {"text": "Hi", "id": 5, "learned": True, "special": False}
    batch = {"examples": [{"tokens": [token], "segments": [1]}], "rows": 1, "learned": 1}
    folder = studio.artifacts.run(training[0])
    folder.mkdir(parents=True)
    (folder / "first_batch.json").write_text(json.dumps(batch))
    assert client.get(address).json() == batch
    assert client.get("/api/v1/runs/run_000000000000/first-batch").status_code == 404


def test_the_ranks_of_a_run_are_told_and_those_of_one_without_are_empty(
    client: httpx.Client, studio: Studio, training: tuple[str, int]
) -> None:
    address = f"/api/v1/runs/{training[0]}/ranks"
    assert client.get(address).json() == {"layers": [], "steps": []}
    folder = studio.artifacts.run(training[0])
    folder.mkdir(parents=True)
    ranks.add(folder, 3, {"q_proj": 8, "o_proj": 2})
    told = client.get(address).json()
    assert told["layers"] == ["q_proj", "o_proj"]
    assert told["steps"] == [{"step": 3, "ranks": [8, 2]}]
    assert client.get("/api/v1/runs/run_000000000000/ranks").status_code == 404


def test_what_does_not_fit_is_refused_by_field_with_a_way_on(
    client: httpx.Client, studio: Studio, spec: dict[str, Any]
) -> None:
    with studio.database.write() as session:
        found = {"status": "ready", "rows_good": 60, "target": "preference", "report": {}}
        session.execute(update(DatasetRow).values(**found))
    answer = client.post("/api/v1/runs", json=spec | {"adapter": "full", "quantization": "nf4"})
    assert answer.status_code == 422
    told = {fault["field"]: fault["message"] for fault in answer.json()["faults"]}
    assert "Choose 'Prefer the better answer' (DPO)" in told["dataset_id"]
    assert "shrunk model cannot learn as a whole" in told["quantization"]
    assert client.post("/api/v1/runs", json=spec | {"method": "dpo"}).status_code == 201


def test_a_teacher_that_is_not_there_is_named_by_its_field(
    client: httpx.Client, spec: dict[str, Any]
) -> None:
    asked = spec | {"method": "distill", "teacher_model_id": "model_000000000000"}
    told = client.post("/api/v1/runs/plan", json=asked).json()
    assert [fault["field"] for fault in told["faults"]] == ["teacher_model_id"]
