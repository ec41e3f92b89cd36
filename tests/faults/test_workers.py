"""Workers are killed, shut down, doubled and put to sleep; every run ends as if nothing happened.

The tests share one town: a worker that one of them has left serves the next.
"""

import signal

from storage import checkpoints, runs
from tests.fakes.studio_worker import Town, until, wait_until_ended
from tests.faults.conftest import SPEC, Result, result


def test_a_killed_worker_takes_its_child_along_and_the_next_one_takes_the_run_up(
    busy: Town, reference: Result
) -> None:
    workers = busy.workers_alive(1)
    run_id = busy.start(**SPEC)
    until(lambda: busy.run(run_id).checkpoint_step)
    worker = next(worker for worker in workers if worker.children())
    family = worker.family()
    assert worker.child() in family
    worker.kill()
    wait_until_ended(family)  # the child and the forkserver too

    busy.workers_alive(1)
    busy.wait_for(run_id)
    first, second = runs.attempts(busy.home.database, run_id)
    assert first["outcome"] == "the worker process ended"
    assert second["resumed_step"] >= 10
    assert result(busy, run_id) == reference


def test_a_worker_told_to_end_saves_and_the_next_one_goes_on_from_that_very_step(
    busy: Town, reference: Result
) -> None:
    workers = busy.workers_alive(1)
    for another in workers[1:]:  # so that nobody takes the run up at once
        another.kill()
    run_id = busy.start(**SPEC)
    busy.wait_for_step(run_id, 1)
    worker = next(worker for worker in workers if worker.children())
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    run = busy.run(run_id)
    assert run.crashes == 0
    first = runs.attempts(busy.home.database, run_id)[0]
    assert first["outcome"] == "the worker was shut down"

    busy.workers_alive(1)
    busy.wait_for(run_id)
    assert runs.attempts(busy.home.database, run_id)[1]["resumed_step"] == run.checkpoint_step > 0
    assert result(busy, run_id) == reference


def test_two_workers_start_each_run_once(busy: Town) -> None:
    busy.workers_alive(2)
    run_ids = [busy.start(max_steps=2) for _ in range(4)]
    for _ in range(8):
        busy.ring()
    for run_id in run_ids:
        assert busy.wait_for(run_id).attempt == 1


def test_a_worker_that_slept_past_its_lease_is_fenced_off(busy: Town, reference: Result) -> None:
    workers = busy.workers_alive(2)
    run_id = busy.start(**SPEC)
    until(lambda: busy.run(run_id).checkpoint_step)
    sleeper = next(worker for worker in workers if worker.children())
    old_child = sleeper.child()
    busy.put_to_sleep(sleeper.pid, old_child.pid)
    until(lambda: busy.run(run_id).attempt == 2)
    old_child.resume()  # while its worker still sleeps: it meets the fence by itself
    wait_until_ended([old_child])
    sleeper.signal(signal.SIGCONT)

    busy.wait_for(run_id)
    until(lambda: sleeper.said("fenced_off"))
    assert not list(busy.home.files.run(run_id).glob(".working-*"))
    assert all(checkpoints.is_whole(one) for one in busy.home.checkpoints(run_id))
    assert len(runs.attempts(busy.home.database, run_id)) == 2
    assert result(busy, run_id) == reference
