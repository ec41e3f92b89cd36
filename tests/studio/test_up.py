"""`up` with real processes: started, kept running, and ended without a trace."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from storage.settings import Settings

ROOT = Path(__file__).resolve().parents[2]

DRIVER = """
import sys
from storage import settings
from studio import up
from studio.child import Program

IDLE = "import time\\nwhile True: time.sleep(1)"
STUBBORN = "import signal, subprocess, sys, time\\n" \
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n" \
    "apart = [sys.executable, '-c', 'import time; time.sleep(600)']\\n" \
    "subprocess.Popen(apart, start_new_session=True)\\n" \
    "print('stubborn', flush=True)\\nwhile True: time.sleep(1)"
programs = {
    "web": Program("web", ("-P", "-m", "studio.server"), 6),
    "idle": Program("idle", ("-c", IDLE), 6),
    "stubborn": Program("stubborn", ("-c", STUBBORN), 1.5, "to think it over"),
    "patient": Program("stubborn", ("-c", STUBBORN), 60, "to think it over"),
    "broken": Program("broken", ("-c", "import sys; sys.exit(7)"), 1),
}
chosen = [programs[name] for name in sys.argv[1:]]
say = lambda line: print(line, flush=True)
try:
    sys.exit(up.up(settings.load(), up.Options(open_browser=False), say, chosen))
except up.CannotStart as error:
    say(str(error))
    sys.exit(2)
"""


class Up:
    """An `up` in a process of its own, and what it says."""

    def __init__(self, process: "subprocess.Popen[str]", said: Path) -> None:
        self.process = process
        self._said = said

    def said(self) -> str:
        """What it has written so far."""
        return self._said.read_text()

    def wait_for(self, words: str, seconds: float = 30) -> str:
        """Wait until it has said something."""
        end = time.monotonic() + seconds
        while words not in self.said():
            assert time.monotonic() < end, f"never said {words!r}:\n{self.said()}"
            time.sleep(0.05)
        return self.said()

    def family(self) -> list[psutil.Process]:
        """Every process that it and its children have started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, module: str) -> psutil.Process:
        """The child that runs a module or code with that text."""
        return next(one for one in self.family() if any(module in part for part in one.cmdline()))


Begin = Callable[..., Up]


@pytest.fixture
def begin(settings: Settings, tmp_path: Path) -> Iterator[Begin]:
    """Start an `up` of these programs on a home folder of its own."""
    begun: list[Up] = []

    def start(*names: str, **variables: str) -> Up:
        said = tmp_path / f"said-{len(begun)}.txt"
        with said.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", DRIVER, *names],
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=ROOT,
                env={**settings.environment(), **variables},
            )
        begun.append(Up(process, said))
        return begun[-1]

    yield start
    for one in begun:
        if one.process.poll() is None:
            for left in one.family():
                left.kill()
            one.process.kill()
        one.process.wait()


def gone(processes: list[psutil.Process], seconds: float = 10) -> bool:
    """Tell whether all of these processes end in time."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not any(_lives(one) for one in alive)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it was collected in this very moment
        return False


def test_it_starts_survives_a_killed_web_process_and_ends_without_a_trace(
    begin: Begin, settings: Settings
) -> None:
    up = begin("web", "idle")
    health = f"http://127.0.0.1:{settings.port}/healthz"
    up.wait_for("The studio is open at", 60)
    assert httpx.get(health, trust_env=False).json()["status"] == "ok"
    assert up.said().index("web: started") < up.said().index("idle: started")

    up.child("studio.server").kill()
    up.wait_for("web: ended by SIGKILL; it is started again in")
    end = time.monotonic() + 60
    while True:
        try:
            assert httpx.get(health, trust_env=False).is_success
            break
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.1)

    family = up.family()
    assert len(family) == 2
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(20) == 0
    assert gone(family, 1)
    assert "The studio has ended." in up.said()


def test_a_kill_of_it_ends_its_processes_too(begin: Begin) -> None:
    up = begin("idle", "idle")
    up.wait_for("idle: started")
    family = up.family()
    assert family
    up.process.kill()
    assert gone(family)


def test_what_does_not_end_is_killed_with_all_that_it_started(begin: Begin) -> None:
    up = begin("stubborn")
    up.wait_for("stubborn\n")
    family = up.family()
    assert len(family) == 2, "the process and the one that left its group"

    up.process.terminate()
    assert up.process.wait(15) == 0
    assert gone(family, 1)
    assert "waiting for it to think it over" in up.said()
    assert "did not end in time and was killed" in up.said()


def test_a_second_ctrl_c_does_not_wait(begin: Begin) -> None:
    up = begin("patient")
    up.wait_for("stubborn\n")
    up.process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    up.process.send_signal(signal.SIGINT)
    up.process.wait(30)  # half of what its program was given
    assert "did not end in time" not in up.said()


def test_a_process_that_dies_again_and_again_is_given_up_with_the_reason(begin: Begin) -> None:
    up = begin("broken")
    assert up.process.wait(30) == 1
    said = up.said()
    assert said.count("broken: started") == 5
    assert "broken: ended with status 7, for the 5th time" in said


def test_a_taken_port_is_named_before_anything_is_started(begin: Begin, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port)):
        up = begin("idle")
        assert up.process.wait(20) == 2
    assert f"Port {settings.port} is taken" in up.said()
    assert "STUDIO_PORT" in up.said()
    assert "started" not in up.said()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "studio.example"])
def test_an_address_that_others_can_reach_is_refused(begin: Begin, host: str) -> None:
    up = begin("idle", STUDIO_HOST=host)
    assert up.process.wait(20) == 2
    assert "no login" in up.said()
    assert "started" not in up.said()


def test_a_second_studio_on_the_same_home_is_refused(begin: Begin) -> None:
    first = begin("idle")
    first.wait_for("idle: started")
    second = begin("idle")
    assert second.process.wait(20) == 2
    assert "is running on" in second.said()


def test_a_taken_chat_port_is_stepped_over(begin: Begin, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.chat_port)):
        up = begin("idle")
        up.wait_for("idle: started")
        given = int(up.child("time.sleep").environ()["STUDIO_CHAT_PORT"])
    assert given not in (settings.chat_port, settings.port)
    assert given > settings.chat_port
