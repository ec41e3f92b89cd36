"""Runs side by side over HTTP: what differs, how far each came, and pages of the list."""

from typing import Any

import httpx
import pytest
from sqlalchemy import update

from storage import attempts, base_models, datasets, metrics, probes
from storage.base_models import Source
from storage.ids import LOCAL_PERSON
from storage.metrics import Point
from storage.tables import BaseModelRow, DatasetRow
from studio.services.studio import Studio

CHANGES: list[dict[str, Any]] = [
    {"name": "Slow", "learning_rate": 1e-4},
    {"name": "Fast", "learning_rate": 1e-3, "probe_prompts": ["What helps?", "<b>Why?</b>"]},
    {"name": "No packing", "learning_rate": 1e-4, "packing": False, "use_dora": True},
]


@pytest.fixture
def run_ids(client: httpx.Client, studio: Studio) -> list[str]:
    """Return three runs that train, the first two with points."""
    data = datasets.add(studio.database, LOCAL_PERSON, "mine.jsonl", "a" * 64, 10)
    model = base_models.add(studio.database, LOCAL_PERSON, "Starter", Source.STARTER, "starter")
    with studio.database.write() as session:
        session.execute(update(DatasetRow).values(status="ready", rows_good=10))
        session.execute(update(BaseModelRow).values(status="ready"))
    places = {"dataset_id": data.id, "base_model_id": model.id}
    found = []
    for changes in CHANGES:
        answer = client.post("/api/v1/runs", json={**places, **changes})
        assert answer.status_code == 201, answer.text
        found.append(answer.json()["id"])
        run = attempts.claim(studio.database, "here:1:1.00", 30)
        assert run is not None
        attempts.begin(studio.database, run.id, run.attempt)
        attempts.heartbeat(studio.database, run.id, run.attempt, 30)
    for number, run_id in enumerate(found[:2], 1):
        points = [Point("loss", step, number + 1 / step) for step in range(1, 2001)]
        points += [Point("eval_loss", step, abs(step - 500 * number)) for step in (500, 1000)]
        points += [Point("tokens", step, 60.0 * step) for step in range(1, 2001)]
        metrics.report(studio.database, run_id, 1, points, step=2000, total_steps=2000)
    return found


def test_only_what_differs_is_told_and_in_words(client: httpx.Client, run_ids: list[str]) -> None:
    answer = client.get("/api/v1/runs/compare", params={"ids": ",".join(run_ids)}).json()
    told = {each["setting"]: each for each in answer["differences"]}
    assert set(told) == {"learning_rate", "packing", "use_dora"}
    assert told["learning_rate"]["words"] == ["0.0001", "0.001", "0.0001"]
    assert told["learning_rate"]["term"] == "learning rate"
    assert told["packing"]["words"] == ["on", "on", "off"]


def test_how_far_each_came_and_its_best_exam(client: httpx.Client, run_ids: list[str]) -> None:
    first, second, third = client.get(f"/api/v1/runs/compare?ids={','.join(run_ids)}").json()[
        "runs"
    ]
    assert [run["name"] for run in (first, second, third)] == ["Slow", "Fast", "No packing"]
    assert (first["best_step"], first["best_loss"], first["tokens"]) == (500, 0, 120_000)
    assert (second["best_step"], second["best_loss"]) == (1000, 0)
    assert (third["best_step"], third["best_loss"], third["tokens"]) == (None, None, None)
    assert third["curves"] == {}


def test_curves_are_thinned_out_and_others_come_where_asked_for(
    client: httpx.Client, run_ids: list[str]
) -> None:
    ids = ",".join(run_ids)
    found = client.get(f"/api/v1/runs/compare?ids={ids}").json()["runs"][0]
    assert set(found["curves"]) == {"loss", "eval_loss", "tokens"}
    assert 500 <= len(found["curves"]["loss"]["steps"]) <= 1000
    assert found["curves"]["loss"]["steps"][-1] == 2000
    few = client.get(f"/api/v1/runs/compare?ids={ids}&curves=grad_norm").json()["runs"][0]
    assert "grad_norm" not in few["curves"]


def test_a_run_that_is_not_there_and_no_run_at_all_are_said(
    client: httpx.Client, run_ids: list[str]
) -> None:
    gone = client.get(f"/api/v1/runs/compare?ids={run_ids[0]},run_gone")
    assert gone.status_code == 404
    assert "run_gone" in gone.json()["error"]["message"]
    none = client.get("/api/v1/runs/compare?ids=,")
    assert none.status_code == 409
    assert "Between 1 and 20" in none.json()["error"]["message"]


def test_answers_to_probe_prompts_are_read_as_they_were_given(
    client: httpx.Client, studio: Studio, run_ids: list[str]
) -> None:
    probes.keep(studio.database, run_ids[1], 1, 0, {0: "Rest.", 1: "<script>alert(1)</script>"})
    found = client.get(f"/api/v1/runs/{run_ids[1]}/probes").json()
    assert found["prompts"] == ["What helps?", "<b>Why?</b>"]
    assert [(one["step"], one["prompt"], one["answer"]) for one in found["answers"]] == [
        (0, 0, "Rest."), (0, 1, "<script>alert(1)</script>"),
    ]  # fmt: skip
    assert client.get("/api/v1/runs/run_gone/probes").status_code == 404


def test_a_list_comes_by_the_page_with_its_total_and_the_next_place(
    client: httpx.Client, run_ids: list[str]
) -> None:
    for path in ("/api/v1/runs", "/api/v1/runs/lines"):
        first = client.get(path, params={"limit": 2})
        assert [run["id"] for run in first.json()] == run_ids[:0:-1]
        assert first.headers["X-Total"] == "3"
        rest = client.get(path, params={"limit": 2, "after": first.headers["X-Next"]})
        assert [run["id"] for run in rest.json()] == run_ids[:1]
        assert "X-Next" not in rest.headers
    found = client.get("/api/v1/runs/lines", params={"status": "running", "search": "fast"})
    assert [run["name"] for run in found.json()] == ["Fast"]
    assert "spec" not in found.json()[0]
    assert client.get("/api/v1/runs", params={"limit": 501}).status_code == 422
