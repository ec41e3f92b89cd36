"""A recipe started by hand: `python -m worker.training.<recipe> RUN_ID`, in a fresh process."""

import os
import sys

from storage import settings


def run() -> None:
    """Replace this process by one that trains the queued run which the command line names.

    The libraries read the environment when they are imported, so it must be set before.
    """
    settings.quiet_libraries(settings.load().home, offline=True)
    os.execv(sys.executable, [sys.executable, "-m", "worker.training.by_hand", *sys.argv[1:]])
