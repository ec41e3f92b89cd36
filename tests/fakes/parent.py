"""A parent with a forkserver child: `python -m tests.fakes.parent FOLDER` prints its pid."""

import multiprocessing
import sys
import time
from pathlib import Path

from worker import isolation


def sleep_apart(folder: Path) -> None:
    """Be a child of the studio that takes its time."""
    sys.stdout.flush()
    isolation.enter(folder, folder / "log.txt", 1, online=False)
    (folder / "apart").touch()
    time.sleep(120)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    child = multiprocessing.get_context("forkserver").Process(target=sleep_apart, args=(where,))
    child.start()
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    child.join()
