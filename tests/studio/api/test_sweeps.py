"""Sweeps and presets of one's own over HTTP, from the proposal to the preset of the best."""

from typing import Any

import httpx
import pytest

from storage import attempts, metrics, presets, spaces, sweeps
from storage.metrics import Point
from storage.specs import RunSpec
from storage.status import RunStatus
from storage.sweeps import Wanted
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace
from worker import sweeping

SPEEDS = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}


@pytest.fixture
def spec(studio: Studio) -> dict[str, Any]:
    """Settings of a run on data and a tiny model that are ready."""
    workplace = Workplace(studio)
    ids = {"dataset_id": workplace.data().id, "base_model_id": workplace.model().id}
    settings = {"rank": 8, "alpha": 16, "learning_rate": 1e-3, "epochs": 2, "max_length": 64}
    return {"name": "Mine", **ids, **settings}


@pytest.fixture
def asked(spec: dict[str, Any]) -> dict[str, Any]:
    """A sweep that can begin."""
    return {"name": "Speeds", "spec": spec, "space": SPEEDS, "trials": 3}


def train(studio: Studio, loss: float, status: RunStatus = RunStatus.FINISHED) -> None:
    """Let the worker add and train the next trial."""
    sweeping.advance(studio.database)
    run = attempts.claim(studio.database, "test", 30)
    assert run
    attempts.begin(studio.database, run.id, run.attempt)
    points = [Point("eval_loss", 10, loss)]
    metrics.report(studio.database, run.id, run.attempt, points, step=10, total_steps=10)
    attempts.end(studio.database, run.id, run.attempt, status, "It failed.")


def faults(answer: httpx.Response) -> dict[str, str]:
    """Return the faults of an answer by field."""
    return {fault["field"]: fault["message"] for fault in answer.json()["faults"]}


def proposed(client: httpx.Client, spec: dict[str, Any]) -> dict[str, Any]:
    """Return what is proposed, by setting."""
    answer = client.post("/api/v1/sweeps/proposals", json=spec).json()
    return {one["name"]: one for one in answer}


def test_what_is_proposed_can_be_planned_as_it_is(
    client: httpx.Client, spec: dict[str, Any]
) -> None:
    found = proposed(client, spec)
    assert found["learning_rate"]["space"] == {"low": 2e-4, "high": 5e-3, "log": True}
    assert found["learning_rate"]["title"] == "Learning speed"
    assert (found["rank"]["value"], found["rank"]["space"]) == (8, {"choices": [4, 8, 16]})
    assert [name for name, one in found.items() if one["is_first"]] == ["learning_rate", "rank"]
    for name, one in found.items():
        asked = {"spec": spec, "space": {name: one["space"]}, "trials": 2}
        assert client.post("/api/v1/sweeps/plan", json=asked).json()["faults"] == [], name


def test_only_what_has_an_effect_and_fits_the_model_is_proposed(
    client: httpx.Client, spec: dict[str, Any]
) -> None:
    assert "epochs" in proposed(client, spec)
    assert "epochs" not in proposed(client, {**spec, "max_steps": 5})
    assert not {"rank", "alpha", "beginning"} & set(proposed(client, {**spec, "adapter": "full"}))
    wide = proposed(client, {**spec, "rank": 32, "alpha": 64})
    assert wide["rank"]["space"] == {"choices": [16, 32]}, "the model is 32 numbers wide"


def test_the_plan_says_what_all_trials_take_together(
    client: httpx.Client, asked: dict[str, Any]
) -> None:
    one = client.post("/api/v1/runs/plan", json=asked["spec"]).json()
    plan = client.post("/api/v1/sweeps/plan", json=asked).json()
    assert plan["steps"] == 3 * one["steps"] > 0
    assert (plan["trials"], plan["count"]) == (3, None)
    assert client.get("/api/v1/sweeps").json() == []
    few = {**asked, "space": {"rank": {"choices": [4, 8, 16]}}}
    assert client.post("/api/v1/sweeps/plan", json=few).json()["count"] == 3


def test_every_fault_of_a_sweep_is_named_at_once(
    client: httpx.Client, asked: dict[str, Any]
) -> None:
    wrong = {
        **asked, "trials": 1, "name": 7, "pruning": True,
        "space": {"beta": {"low": 0, "high": 1}}, "spec": {**asked["spec"], "epochs": -1},
    }  # fmt: skip
    answer = client.post("/api/v1/sweeps", json=wrong)
    assert answer.status_code == 422
    assert set(faults(answer)) == {"trials", "name", "pruning", "beta", "epochs"}
    for space, spec, count, field in (
        ({"rank": {"choices": [8, 64]}}, {}, 2, "rank"),
        ({"rank": {"choices": [4, 8]}}, {}, 3, "trials"),
        (SPEEDS, {"eval_share": 0}, 2, "eval_share"),
        (SPEEDS, {"dataset_id": "dataset_x"}, 2, "dataset_id"),
        ({}, {}, 2, "space"),
    ):
        body = {"spec": {**asked["spec"], **spec}, "space": space, "trials": count}
        assert field in faults(client.post("/api/v1/sweeps", json=body)), field
    assert client.get("/api/v1/sweeps").json() == []


def test_a_sweep_from_its_start_to_the_preset_of_its_best(
    client: httpx.Client, studio: Studio, asked: dict[str, Any]
) -> None:
    begun = client.post("/api/v1/sweeps", json=asked)
    assert begun.status_code == 201
    path = f"/api/v1/sweeps/{begun.json()['id']}"
    assert client.post(f"{path}/preset", json={}).status_code == 409
    for loss in (2.0, 1.0, 3.0):
        train(studio, loss)
    sweeping.advance(studio.database)
    whole = client.get(path).json()
    assert (whole["status"], whole["ended"], whole["trials"]) == ("finished", 3, 3)
    assert [trial["eval_loss"] for trial in whole["tried"]] == [2.0, 1.0, 3.0]
    assert [trial["is_best"] for trial in whole["tried"]] == [False, True, False]
    assert [one["term"] for one in whole["settings"]] == ["learning rate"]
    best = whole["tried"][1]
    assert (best["state"], best["best_step"], best["name"]) == ("complete", 10, "Speeds trial 2")
    made = client.post(f"{path}/preset", json={"name": "Fast and good"}).json()
    assert made["settings"]["learning_rate"] == best["values"]["learning_rate"]
    assert made["settings"]["rank"] == 8
    assert (made["made_by"]["run"], made["made_by"]["eval_loss"]) == (best["run_id"], 1.0)
    assert [one["name"] for one in client.get("/api/v1/presets").json()] == ["Fast and good"]
    [listed] = client.get("/api/v1/sweeps").json()
    assert (listed["ended"], listed["name"]) == (3, "Speeds")


def test_a_sweep_is_stopped_and_goes_on_with_the_trial_that_was_stopped(
    client: httpx.Client, studio: Studio, asked: dict[str, Any]
) -> None:
    path = f"/api/v1/sweeps/{client.post('/api/v1/sweeps', json=asked).json()['id']}"
    train(studio, 2.0, RunStatus.FAILED)
    sweeping.advance(studio.database)
    stopped = client.post(f"{path}/stop").json()
    assert stopped["status"] == "stopped"
    assert [trial["state"] for trial in stopped["tried"]] == ["failed", "stopped"]
    sweeping.advance(studio.database)
    assert len(client.get(path).json()["tried"]) == 2
    assert client.post(f"{path}/stop").status_code == 409
    going = client.post(f"{path}/resume").json()
    assert (going["status"], going["words"]) == ("running", "")
    assert [trial["state"] for trial in going["tried"]] == ["waiting", "waiting"]
    assert client.post(f"{path}/resume").status_code == 409


def test_a_sweep_is_deleted_and_brought_back_and_its_runs_stay(
    client: httpx.Client, studio: Studio, asked: dict[str, Any]
) -> None:
    path = f"/api/v1/sweeps/{client.post('/api/v1/sweeps', json=asked).json()['id']}"
    train(studio, 2.0)
    sweeping.advance(studio.database)
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get("/api/v1/sweeps").json() == []
    assert len(client.get("/api/v1/sweeps", params={"deleted": True}).json()) == 1
    assert len(client.get("/api/v1/runs").json()) == 2
    assert client.post(f"{path}/restore").json()["status"] == "stopped"


def test_presets_are_kept_deleted_and_brought_back(client: httpx.Client) -> None:
    made = client.post("/api/v1/presets", json={"name": "Mine", "settings": {"rank": 4}})
    assert made.status_code == 201
    assert (made.json()["settings"], made.json()["made_by"]) == ({"rank": 4}, None)
    path = f"/api/v1/presets/{made.json()['id']}"
    assert client.get(path).json() == made.json()
    assert client.delete(path).status_code == 204
    assert client.get("/api/v1/presets").json() == []
    assert client.post(f"{path}/restore").json()["id"] == made.json()["id"]


def test_every_fault_of_a_preset_is_named_at_once(client: httpx.Client) -> None:
    wrong = {"name": None, "settings": {"rank": 0, "dataset_id": "mine", "rnk": 1, "epochs": "x"}}
    answer = client.post("/api/v1/presets", json=wrong)
    assert answer.status_code == 422
    assert set(faults(answer)) == {"name", "rank", "dataset_id", "rnk", "epochs"}
    for settings in (None, {}, [1]):
        answer = client.post("/api/v1/presets", json={"name": "Mine", "settings": settings})
        assert set(faults(answer)) == {"settings"}


def test_nobody_meets_the_sweeps_and_presets_of_somebody_else(
    client: httpx.Client, studio: Studio
) -> None:
    workplace = Workplace(studio)
    theirs = {"owner": "ben"}
    ids = {
        "dataset_id": workplace.data(**theirs).id,
        "base_model_id": workplace.model(**theirs).id,
    }
    wanted = Wanted("Theirs", RunSpec(**ids), spaces.parse(SPEEDS), 3)
    sweep = sweeps.add(studio.database, "ben", wanted)
    preset = presets.add(studio.database, "ben", "Theirs", {"rank": 4})
    for path in (f"/api/v1/sweeps/{sweep.id}", f"/api/v1/presets/{preset.id}"):
        assert client.get(path).status_code == 404
        assert client.delete(path).status_code == 404
        assert client.post(f"{path}/restore").status_code == 404
    for action in ("stop", "resume", "preset"):
        path = f"/api/v1/sweeps/{sweep.id}/{action}"
        assert client.post(path, json={"name": "Mine"}).status_code == 404
    assert client.get("/api/v1/sweeps").json() == client.get("/api/v1/presets").json() == []
    body = {"spec": ids, "space": SPEEDS, "trials": 2}
    assert set(faults(client.post("/api/v1/sweeps", json=body))) == {"dataset_id", "base_model_id"}
