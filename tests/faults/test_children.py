"""The child that trains is killed, stopped, discarded or doomed; the worker lives on.

No web process runs in any of these tests: a run needs none.
"""

import signal

from storage import runs
from storage.ids import LOCAL_PERSON
from storage.status import RunStatus, StopRequest
from tests.fakes.studio_worker import StudioWorker, Town, runs_on, until, wait_until_ended
from tests.faults.conftest import SPEC, Result, result


def test_a_child_killed_in_the_middle_is_followed_by_one_that_ends_the_same(
    town: Town, worker: StudioWorker, reference: Result
) -> None:
    run_id = town.start(**SPEC)
    until(lambda: town.run(run_id).checkpoint_step)
    child = worker.child()
    child.kill()
    wait_until_ended([child])

    town.wait_for(run_id)
    first, second = runs.attempts(town.home.database, run_id)
    assert "signal 9" in first["outcome"]
    assert 0 < second["resumed_step"] < SPEC["max_steps"]
    assert result(town, run_id) == reference


def test_a_run_that_kills_every_child_fails_with_the_reason_after_three(
    town: Town, worker: StudioWorker
) -> None:
    run_id = town.start(**SPEC)
    for attempt in (1, 2, 3):
        until(lambda n=attempt: town.run(run_id).attempt == n and worker.children())
        worker.child().send_signal(signal.SIGSEGV)
        until(lambda: not worker.children())
    run = town.wait_for(run_id, RunStatus.FAILED)
    assert run.checkpoint_step == 0
    assert run.error == "The training process ended 3 times without getting any further."
    assert "SIGSEGV" in (run.hint or "")
    assert len(runs.attempts(town.home.database, run_id)) == 3
    assert worker.is_alive


def test_stop_and_keep_leaves_an_adapter_and_the_run_can_go_on_to_the_same_end(
    town: Town, worker: StudioWorker, reference: Result
) -> None:
    run_id = town.start(**SPEC)
    town.wait_for_step(run_id, 1)
    runs.request_stop(town.home.database, LOCAL_PERSON, run_id, StopRequest.KEEP)
    stopped = town.wait_for(run_id, RunStatus.STOPPED)
    assert 0 < stopped.step < SPEC["max_steps"]
    assert (town.home.adapter_folder(run_id) / "adapter_model.safetensors").is_file()

    runs.resume(town.home.database, LOCAL_PERSON, run_id)
    town.ring()
    town.wait_for(run_id)
    assert runs.attempts(town.home.database, run_id)[1]["resumed_step"] == stopped.step
    assert result(town, run_id) == reference


def test_discard_while_running_leaves_no_adapter_and_no_process(
    town: Town, worker: StudioWorker
) -> None:
    run_id = town.start(**SPEC)
    town.wait_for_step(run_id, 1)
    runs.request_stop(town.home.database, LOCAL_PERSON, run_id, StopRequest.DISCARD)
    assert town.wait_for(run_id, RunStatus.DISCARDED).adapter_id is None
    until(lambda: not worker.children())


def test_a_child_that_hangs_is_killed_when_its_run_is_discarded(
    town: Town, worker: StudioWorker
) -> None:
    run_id = town.start(**SPEC)
    town.wait_for_step(run_id, 1)
    child = worker.child()
    town.put_to_sleep(child.pid)
    runs.request_stop(town.home.database, LOCAL_PERSON, run_id, StopRequest.DISCARD)
    town.wait_for(run_id, RunStatus.DISCARDED)
    assert not runs_on(child)
