"""The queue only rings: a lost, doubled or forged message does no harm."""

import pickle
import sqlite3
from pathlib import Path

from storage import runs
from tests.fakes.studio_worker import StudioWorker, Town

SHORT = {"max_steps": 2}


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return open, (str(self.file), "w")


def plant(queue: Path, message: bytes) -> None:
    """Put a message into the queue as somebody with access to its file could."""
    with sqlite3.connect(queue) as connection:
        connection.execute("INSERT INTO task (queue, data) VALUES ('studio', ?)", (message,))
    connection.close()


def waiting(queue: Path) -> int:
    """Return how many messages nobody has taken yet."""
    connection = sqlite3.connect(queue)
    count: int = connection.execute("SELECT count(*) FROM task").fetchone()[0]
    connection.close()
    return count


def test_a_run_whose_ring_was_lost_starts_all_the_same(town: Town, worker: StudioWorker) -> None:
    run = town.home.queue(*town.ids, **SHORT)  # added, never rung
    assert town.wait_for(run.id).attempt == 1


def test_ringing_five_times_starts_a_run_once(town: Town, worker: StudioWorker) -> None:
    run_id = town.start(**SHORT)
    for _ in range(4):
        town.ring()
    town.wait_for(run_id)
    assert len(runs.attempts(town.home.database, run_id)) == 1


def test_a_pickle_planted_in_the_queue_is_not_executed(
    town: Town, worker: StudioWorker, tmp_path: Path
) -> None:
    queue = town.home.settings.queue_file
    bomb = pickle.dumps(Bomb(tmp_path / "direct"))
    pickle.loads(bomb).close()  # it works where somebody unpickles it
    assert (tmp_path / "direct").exists()

    plant(queue, pickle.dumps(Bomb(tmp_path / "planted")))
    town.wait_for(town.start(**SHORT))
    assert waiting(queue) == 0  # the bomb was taken from the queue
    assert not (tmp_path / "planted").exists()
    assert worker.is_alive
