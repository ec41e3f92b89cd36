"""One of the two processes of a run is killed, and a person stops it: it ends well all the same."""

import signal

from storage import runs
from storage.ids import LOCAL_PERSON
from storage.status import RunStatus, StopRequest
from tests.fakes.studio_worker import StudioWorker, Town, until, wait_until_ended

TWO = {"max_steps": 400, "save_every": 3, "eval_share": 0.0, "processes": 2}


def test_a_run_of_two_processes_outlives_one_of_them_and_is_stopped_by_a_person(
    town: Town, worker: StudioWorker
) -> None:
    run_id = town.start(**TWO)
    until(lambda: town.run(run_id).checkpoint_step)
    leader = worker.child()
    both = leader.children()
    assert len(both) == 2
    both[1].kill()
    wait_until_ended([leader, *both])  # nobody waits for the one that is gone

    until(lambda: town.run(run_id).attempt == 2 and town.run(run_id).status is RunStatus.RUNNING)
    before = town.run(run_id).step
    until(lambda: town.run(run_id).step > before)
    runs.request_stop(town.home.database, LOCAL_PERSON, run_id, StopRequest.KEEP)
    ended = town.wait_for(run_id, RunStatus.STOPPED)
    first, second = runs.attempts(town.home.database, run_id)
    assert f"signal {signal.SIGKILL.value}" in first["outcome"]
    assert second["resumed_step"] >= 3
    assert ended.adapter_id is not None
    assert max(town.home.curve(run_id, "loss")) == ended.checkpoint_step < 400
