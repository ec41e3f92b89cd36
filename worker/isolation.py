"""What a child of the worker does first: a session, an environment and a log of its own."""

import contextlib
import ctypes
import errno
import faulthandler
import fcntl
import io
import multiprocessing
import multiprocessing.forkserver
import os
import re
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storage.settings import quiet_libraries

HEADER = "=== attempt "
"""Begins the line in the log from which on it is another attempt's."""

LOCK = "alone.lock"
"""Held in the folder of a piece of work by the process that is at it."""

PATIENCE = 5.0
"""Seconds that a child waits for the one before it to be gone."""

_PR_SET_PDEATHSIG = 1
_EASIER_TO_KILL = "800"
_KEPT = re.compile(
    r"PATH|HOME|USER|SHELL|LANG|LANGUAGE|TZ|TMPDIR|PYTHON\w*|LC_\w+|LD_LIBRARY_PATH"
    r"|(OMP|MKL|OPENBLAS|CUDA|NVIDIA|NCCL|TORCH|PYTORCH)_\w+"
    r"|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|(http|https|no|all)_proxy",
    re.IGNORECASE,
)
"""Variables that a child needs; a token for the hub or the cloud is never among them."""


def enter(home: Path, log: Path, attempt: int, *, online: bool) -> None:
    """Set the child apart from the worker; from here on everything it says is in `log`.

    Args:
        home: the studio's folder.
        log: the file to append to; the working folder becomes the one it lies in.
        attempt: named in the line that begins this attempt's part of the log.
        online: whether it may fetch something from the hub.
    """
    os.setsid()
    _die_with_the_worker()
    with contextlib.suppress(OSError):  # not everywhere; then the kernel chooses by size alone
        Path("/proc/self/oom_score_adj").write_text(_EASIER_TO_KILL)
    narrow_environment()
    quiet_libraries(home, offline=not online)
    write_to(log, attempt)
    os.chdir(log.parent)


def be_alone(folder: Path, patience: float = PATIENCE) -> bool:
    """Wait until the process of an earlier attempt is gone, and keep later ones waiting so.

    A worker that was killed is found dead at once, its child ends a moment later: two would write
    at once. One that was only put to sleep may stay: it is not waited for for ever, as it meets
    the fence at its next write. The lock belongs to this process, not to those that it starts, and
    the kernel takes it back, however the process ends.

    Args:
        folder: of the piece of work.
        patience: seconds.

    Returns:
        whether nobody else is at this work.
    """
    lock = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
    until = time.monotonic() + patience
    while not (alone := _locked(lock)) and time.monotonic() < until:
        time.sleep(0.02)
    return alone


def _locked(lock: int) -> bool:
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)  # a volume may know no locks
    return True


def narrow_environment() -> None:
    """Forget every variable that is not on the list: the worker's may hold secrets."""
    for name in list(os.environ):  # noqa: TID251  (nothing is read here, only removed)
        if not _KEPT.fullmatch(name):
            del os.environ[name]  # noqa: TID251


def see_only(cards: str) -> None:
    """Let CUDA show only these graphics cards, by their names; before it is first asked."""
    os.environ["CUDA_VISIBLE_DEVICES"] = cards  # noqa: TID251  (set, and read by the driver)


def write_to(log: Path, attempt: int) -> None:
    """Append all output of this process, the libraries' included, to a log with a header line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    sys.stdout, sys.stderr = (_stream(number) for number in (1, 2))
    sys.stdout.write(f"{HEADER}{attempt}, {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC ===\n")
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # says where it is when it hangs


class _Log(io.FileIO):
    """A log whose volume may be full: what does not fit is lost, and the work goes on."""

    def write(self, content: Any, /) -> int:
        """Write what fits."""
        try:
            return super().write(content) or 0
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            return len(content)


def _stream(descriptor: int) -> io.TextIOWrapper:
    raw = io.BufferedWriter(_Log(descriptor, "w", closefd=False))
    return io.TextIOWrapper(raw, "utf-8", errors="backslashreplace", line_buffering=True)


def _die_with_the_worker() -> None:
    """Let the kernel kill this process when its parent ends, however that ends.

    The forkserver lives until nobody holds its alive pipe open any more. It hands that pipe to its
    children too, so a child that kept it would keep its parent alive after the worker's death.
    """
    server: Any = multiprocessing.forkserver._forkserver
    if server._forkserver_alive_fd is not None:
        os.close(server._forkserver_alive_fd)
        server._forkserver_alive_fd = None
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    worker = multiprocessing.parent_process()
    if worker is None or not worker.is_alive():  # it died before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)
