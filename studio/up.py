"""`tuning-studio up`: starts web, worker and chat, keeps them running, and ends them in order."""

import fcntl
import signal
import socket
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import httpx

from storage.settings import Settings
from studio import addresses
from studio.child import Child, Program

PROGRAMS: Sequence[Program] = (
    Program("web", ("-P", "-m", "studio.server"), seconds_to_end=6),
    Program("worker", ("-P", "-m", "worker"), seconds_to_end=30, purpose="to save its checkpoint"),
    Program("chat", ("-P", "-m", "worker.chat"), seconds_to_end=6),
)
"""In the order of starting: the page comes first, the others import torch meanwhile."""

END_ORDER = ("web", "chat", "worker")
"""The worker ends last: it may have a checkpoint to save."""

TICK = 0.1
"""Seconds between two looks at the processes."""

PORTS_TRIED = 50


class CannotStart(Exception):
    """A plain sentence why nothing was started."""


@dataclass(frozen=True)
class Options:
    """What a person may ask of `up`."""

    sample: bool = False
    open_browser: bool = True


def up(
    settings: Settings,
    options: Options,
    say: Callable[[str], None],
    programs: Sequence[Program] = PROGRAMS,
) -> int:
    """Run the studio until it is told to end; returns the exit status.

    Args:
        settings: where to live and listen.
        options: what to do once the page answers.
        say: takes one line for the person.
        programs: what to run, the web process first.

    Raises:
        CannotStart: the address is not one of this machine alone, the port is taken, or a studio
            runs on this home folder already. Nothing was started.
    """
    _check_address(settings)
    with _only_one(settings):
        _check_port(settings)
        chosen = settings.model_copy(update={"chat_port": _chat_port(settings)})
        return _Studio(chosen, options, say, programs).run()


class _Studio:
    """The processes of one studio, looked after by one loop."""

    def __init__(
        self,
        settings: Settings,
        options: Options,
        say: Callable[[str], None],
        programs: Sequence[Program],
    ) -> None:
        self._address = f"http://{addresses.shown(settings.host)}:{settings.port}"
        self._options = options
        self._say = say
        environment = settings.environment()
        self._children = [Child(program, environment, say) for program in programs]
        self._signals = 0
        self._answered = False

    def run(self) -> int:
        """Start, watch and end everything."""
        before = {number: signal.signal(number, self._asked_to_end) for number in _ENDING}
        try:
            self._children[0].start()
            while not self._signals and self._children[0].is_wanted:
                self._look()
                time.sleep(TICK)
            return 0 if self._signals else 1
        finally:
            self._end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _look(self) -> None:
        for child in self._children:
            child.look()
        if not self._answered and self._answers():
            self._answered = True
            self._welcome()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self._address}/healthz", timeout=1, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _welcome(self) -> None:
        for child in self._children[1:]:
            child.start()
        self._say(f"The studio is open at {self._address}  (Ctrl-C ends it; nothing is lost)")
        if self._options.sample:
            self._start_sample()
        if self._options.open_browser:
            _show(self._address)

    def _start_sample(self) -> None:
        try:
            answer = httpx.post(f"{self._address}/api/v1/sample", timeout=60, trust_env=False)
        except httpx.TransportError as error:
            self._say(f"The sample could not be started: {error}")
            return
        if answer.is_success:
            self._say("The sample run is in the queue; it starts when the starter model is built.")
        else:
            self._say(f"The sample could not be started: {answer.json()['error']['message']}")

    def _asked_to_end(self, _number: int, _frame: object) -> None:
        self._signals += 1

    def _end(self) -> None:
        """End every process, in order; a second Ctrl-C does not wait for them."""
        asked = self._signals
        by_name = {child.program.name: child for child in self._children}
        ordered = [by_name.pop(name) for name in END_ORDER if name in by_name]
        for child in [*ordered, *by_name.values()]:
            child.end(lambda: self._signals > asked)
        self._say("The studio has ended.")


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _check_address(settings: Settings) -> None:
    if not addresses.is_loopback(settings.host):
        raise CannotStart(
            f"The studio has no login yet, so it does not listen on {settings.host} where others "
            "could reach it. Leave STUDIO_HOST out, or set it to 127.0.0.1."
        )


def _check_port(settings: Settings) -> None:
    if not _is_free(settings.host, settings.port):
        raise CannotStart(
            f"Port {settings.port} is taken by another program. "
            "Set STUDIO_PORT to another number, such as "
            f"{_next_free(settings.host, settings.port + 1)}, and start again."
        )


def _chat_port(settings: Settings) -> int:
    return _next_free("127.0.0.1", settings.chat_port, but=settings.port)


def _next_free(host: str, port: int, but: int | None = None) -> int:
    for candidate in range(port, min(port + PORTS_TRIED, 65536)):
        if candidate != but and _is_free(host, candidate):
            return candidate
    raise CannotStart(f"No port from {port} on is free. Set STUDIO_PORT and STUDIO_CHAT_PORT.")


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextmanager
def _only_one(settings: Settings) -> Iterator[IO[str]]:
    """Hold the home folder's lock; the system lets go of it however this process ends."""
    with (settings.home / "up.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotStart(
                f"A studio is running on {settings.home} already. "
                "Use that one, or set STUDIO_HOME to another folder."
            ) from error
        yield lock


def _show(address: str) -> None:
    """Open a browser window where there is one; a browser for the terminal would take it over."""
    if not sys.stdout.isatty():
        return
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if type(browser) is not webbrowser.GenericBrowser:
        browser.open(address)
