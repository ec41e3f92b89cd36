"""The web process is killed while a run trains; a person presses each button twice."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from safetensors.torch import load_file

from storage import datasets, runs
from storage.ids import LOCAL_PERSON
from storage.status import RunStatus
from tests.fakes.studio_worker import StudioWorker, Town, until
from tests.fakes.training_home import QUICK
from tests.fakes.web_process import WebProcess
from tests.faults.conftest import SPEC, Result, result

KILLS = [pytest.param(1, id="1"), pytest.param(50, marks=pytest.mark.slow, id="50")]

PAGES = ("/", "/data", "/models", "/train", "/runs", "/adapters", "/settings")

ENDLESS = SPEC | {"max_steps": 100_000, "save_every": 50_000}


@pytest.fixture(scope="module")
def web(town: Town) -> Iterator[WebProcess]:
    """Return a web process of the town that answers."""
    process = WebProcess(town.home.home).start()
    yield process
    process.end()


def spec_of(town: Town, **changes: Any) -> dict[str, Any]:
    """Return the settings of a run of the town, as a page sends them."""
    data, model = town.ids
    return {"name": "Try", "dataset_id": data, "base_model_id": model, **QUICK, **SPEC, **changes}


def all_at_once(web: WebProcess, times: int, method: str, path: str, **more: Any) -> list[int]:
    """Send the same request several times at the same moment; returns the answers' statuses."""
    line = threading.Barrier(times)

    def send(_: int) -> int:
        line.wait()
        return web.send(method, path, **more).status_code

    with ThreadPoolExecutor(times) as threads:
        return sorted(threads.map(send, range(times)))


def seen(web: WebProcess, run_id: str) -> dict[str, Any]:
    """Return what pages show that no longer changes while that run trains."""
    rows = {kind: web.get(f"/{kind}") for kind in ("datasets", "models")}
    rows["adapters"] = [each for each in web.get("/adapters") if each["run_id"] != run_id]
    rows["runs"] = [run for run in web.get("/runs/lines") if run["id"] != run_id]
    return rows


@pytest.mark.parametrize("kills", KILLS)
def test_a_run_takes_no_notice_when_the_web_process_is_killed(
    town: Town, worker: StudioWorker, web: WebProcess, reference: Result, kills: int
) -> None:
    killed = 0
    while killed < kills:
        run_id = web.send("POST", "/runs", json=spec_of(town)).json()["id"]
        until(lambda run_id=run_id: town.run(run_id).step >= 3)
        told = {"name": "half.jsonl", "size": 1000, "last_modified": killed}
        upload = web.send("POST", "/uploads", json=told).json()["id"]
        web.send("PUT", f"/uploads/{upload}", params={"offset": 0}, content=b"x" * 500)
        before, here = seen(web, run_id), town.run(run_id).step
        web.kill()
        assert not web.answers
        killed += 1
        until(lambda run_id=run_id, here=here: town.run(run_id).step > here)
        town.wait_for(run_id)
        assert town.run(run_id).attempt == 1
        assert result(town, run_id) == reference
        web.start()
        assert seen(web, run_id) == before, "a page shows something else"
        assert web.get(f"/uploads/{upload}")["received"] == 500  # it can go on; it is no dataset
    assert len(datasets.all_of(town.home.database, LOCAL_PERSON)) == len(before["datasets"])
    assert all("gradio" in web.page(path).lower() for path in PAGES)
    logging.info("%d kills of the web process, no run disturbed", killed)


def test_start_pressed_five_times_at_once_is_one_run(
    town: Town, worker: StudioWorker, web: WebProcess
) -> None:
    there = {run.id for run in runs.all_of(town.home.database, LOCAL_PERSON)}
    headers = {"Idempotency-Key": "one press"}
    spec = spec_of(town, max_steps=2)
    assert all_at_once(web, 5, "POST", "/runs", json=spec, headers=headers) == [201] * 5
    (new,) = {run.id for run in runs.all_of(town.home.database, LOCAL_PERSON)} - there
    assert town.wait_for(new).attempt == 1


def test_stop_takes_effect_after_the_step_and_what_was_learned_can_be_loaded(
    town: Town, worker: StudioWorker, web: WebProcess
) -> None:
    run_id = town.start(**ENDLESS)
    town.wait_for_step(run_id, 20)
    before, began = town.run(run_id), time.monotonic()
    answers = all_at_once(web, 3, "POST", f"/runs/{run_id}/stop")
    assert set(answers) <= {200, 409}
    assert 200 in answers
    ended = town.wait_for(run_id, RunStatus.STOPPED)
    took = time.monotonic() - began
    one_step = before.seconds / before.step
    logging.info("stopped after %.1f s and %d steps", took, ended.step - before.step)
    assert took < 30 + one_step, "a person waited for long"
    assert len(runs.attempts(town.home.database, run_id)) == 1
    file = town.home.adapter_folder(run_id) / "adapter_model.safetensors"
    weights = load_file(file)
    assert all(values.isfinite().all() for values in weights.values())


def test_resume_pressed_three_times_at_once_goes_on_once(
    town: Town, worker: StudioWorker, web: WebProcess, reference: Result
) -> None:
    run_id = town.start(**SPEC)
    town.wait_for_step(run_id, 5)
    web.send("POST", f"/runs/{run_id}/stop").raise_for_status()
    town.wait_for(run_id, RunStatus.STOPPED)
    answers = all_at_once(web, 3, "POST", f"/runs/{run_id}/resume")
    assert answers.count(200) >= 1
    town.wait_for(run_id)
    assert len(runs.attempts(town.home.database, run_id)) == 2
    assert result(town, run_id) == reference


def test_a_run_that_is_deleted_while_it_trains_is_stopped_first_and_can_come_back(
    town: Town, worker: StudioWorker, web: WebProcess
) -> None:
    run_id = town.start(**ENDLESS)
    town.wait_for_step(run_id, 5)
    assert set(all_at_once(web, 3, "DELETE", f"/runs/{run_id}")) <= {204, 404, 409}
    assert run_id not in [run["id"] for run in web.get("/runs/lines")]
    until(lambda: not worker.children())
    web.send("POST", f"/runs/{run_id}/restore").raise_for_status()
    back = town.wait_for(run_id, RunStatus.STOPPED)
    assert (back.attempt, back.crashes) == (1, 0)
    assert back.adapter_id is not None
