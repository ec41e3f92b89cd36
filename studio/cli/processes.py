"""`tuning-studio up`, and each of its processes by itself."""

import os
import sys
from typing import Annotated

import typer

from storage import settings as stored
from studio import addresses
from studio import up as supervisor
from studio.cli.api import settings
from studio.cli.terminal import Failed, err

NO_LOGIN = (
    "The studio has no login yet, so it only listens on this machine. "
    "Leave STUDIO_HOST out, or set it to 127.0.0.1."
)


def up(
    sample: Annotated[bool, typer.Option("--sample", help="Start the sample run too.")] = False,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open a browser where there is one.")
    ] = True,
) -> None:
    """Start the studio: the page, the worker and the chat server. Ctrl-C ends them all."""
    settings()  # in words where a variable cannot be read
    options = supervisor.Options(sample=sample, open_browser=open_browser)
    try:
        status = supervisor.up(stored.load(), options, err.print)
    except supervisor.CannotStart as error:
        raise Failed(str(error), status=2) from error
    raise typer.Exit(status)


def web() -> None:
    """Run the web process by itself."""
    if not addresses.is_loopback(settings().host):
        raise Failed(NO_LOGIN, status=2)
    _become("studio.server")


def worker() -> None:
    """Run the worker by itself."""
    _become("worker")


def chat() -> None:
    """Run the chat server by itself."""
    _become("worker.chat")


def _become(module: str) -> None:
    """Turn this process into a Python that runs a module; it never returns."""
    environment = settings().environment()
    os.execve(sys.executable, [sys.executable, "-P", "-m", module], environment)
