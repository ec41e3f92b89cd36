"""A process that `up` looks after: started, started again when it dies, ended with all it began."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

QUICK_SECONDS: Final = 10.0
"""A process that dies sooner than this after its start died quickly."""

MOST_QUICK_DEATHS: Final = 5
"""After so many quick deaths in a row it is given up."""

FIRST_PAUSE: Final = 0.5
"""Seconds before a process is started again; doubles with every quick death."""

_PR_SET_PDEATHSIG: Final = 1  # from <linux/prctl.h>


@dataclass(frozen=True)
class Program:
    """A kind of process.

    Attributes:
        name: what the person's lines call it.
        arguments: of the Python interpreter.
        seconds_to_end: so long it may take to end after SIGTERM, before it is killed.
        purpose: what it may need that time for.
    """

    name: str
    arguments: tuple[str, ...]
    seconds_to_end: float
    purpose: str = ""


class Child:
    """One process; `look` is called again and again and does what is due."""

    def __init__(
        self, program: Program, environment: dict[str, str], say: Callable[[str], None]
    ) -> None:
        self.program = program
        self.is_wanted = False
        self._environment = environment
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._due = 0.0
        self._quick_deaths = 0

    def start(self) -> None:
        """Start the process, in a process group of its own: Ctrl-C in the terminal is for `up`."""
        self.is_wanted = True
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, *self.program.arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_end_with_parent(os.getpid()),
        )
        self._say(f"{self.program.name}: started (process {self._process.pid})")

    def look(self) -> None:
        """Note a death, and start again what has waited long enough."""
        if self._process is None:
            if self.is_wanted and time.monotonic() >= self._due:
                self.start()
        elif self._process.poll() is not None:
            self._died(self._process)

    def end(self, in_a_hurry: Callable[[], bool]) -> None:
        """End the process and all that it started; kill what does not end in time."""
        self.is_wanted = False
        if self._process is None:
            return
        process, self._process = self._process, None
        begun = _descendants(process.pid)
        process.terminate()
        self._wait(process, in_a_hurry)
        _kill_group(process.pid)
        process.wait()
        for one in begun:
            _kill(one)

    def _wait(self, process: subprocess.Popen[bytes], in_a_hurry: Callable[[], bool]) -> None:
        begin = time.monotonic()
        told = not self.program.purpose
        while process.poll() is None and not in_a_hurry():
            waited = time.monotonic() - begin
            if waited > self.program.seconds_to_end:
                self._say(f"{self.program.name}: did not end in time and was killed")
                return
            if waited > 1 and not told:
                told = True
                self._say(
                    f"{self.program.name}: waiting for it {self.program.purpose} "
                    f"(at most {self.program.seconds_to_end:.0f} s; Ctrl-C again ends it at once)"
                )
            time.sleep(0.05)

    def _died(self, process: subprocess.Popen[bytes]) -> None:
        _kill_group(process.pid)
        self._process = None
        lived = time.monotonic() - self._started
        self._quick_deaths = self._quick_deaths + 1 if lived < QUICK_SECONDS else 0
        how = _in_words(process.returncode)
        if self._quick_deaths >= MOST_QUICK_DEATHS:
            self.is_wanted = False
            self._say(
                f"{self.program.name}: {how}, for the {MOST_QUICK_DEATHS}th time right after its "
                "start. It is not started again; its own lines above say why."
            )
            return
        pause = FIRST_PAUSE * 2 ** max(0, self._quick_deaths - 1)
        self._due = time.monotonic() + pause
        self._say(f"{self.program.name}: {how}; it is started again in {pause:g} s")


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    """Return what a child does first: ask the kernel for SIGTERM when `up` is gone (Linux)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: after it little is safe

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it was gone before the kernel was asked
            os.kill(os.getpid(), signal.SIGTERM)

    return ask


def _in_words(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says so of a group of zombies
        return


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
