"""A real web process's application on a free port, on a home folder of its own."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from storage import logs
from storage.settings import Settings
from studio import web
from studio.services import studio as studios
from studio.services.studio import Studio
from tests.fakes import quick_home

ROOT = Path(__file__).resolve().parents[2]

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Serve = Callable[[FastAPI], AbstractContextManager[str]]


@pytest.fixture(scope="module", autouse=True)
def _disk() -> Iterator[None]:
    """Nothing here pulls the plug."""
    with quick_home.without_waiting_for_the_disk():
        yield


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(app: FastAPI, port: int) -> Iterator[str]:
    """Serve an application and give its address."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="error", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a studio that exists for one test."""
    home = tmp_path / "home"
    home.mkdir()
    return Settings(home=home, port=free_port(), chat_port=free_port(), max_upload_bytes=70_000_000)


@pytest.fixture
def studio(settings: Settings) -> Iterator[Studio]:
    """An empty studio."""
    quick_home.with_schema(settings.home)
    opened = studios.opened(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def client(studio: Studio) -> Iterator[httpx.Client]:
    """A client of that studio's API, served without the pages."""
    logs.configure("test")
    app = web.create_web(studio, None)
    with (
        served(app, studio.settings.port) as address,
        httpx.Client(base_url=address, trust_env=False, timeout=20) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def serve() -> Serve:
    """Serve an application on a free port; use it in a `with` block."""
    return lambda app: served(app, free_port())


@pytest.fixture(scope="session")
def served_at() -> Callable[[FastAPI, int], AbstractContextManager[str]]:
    """Serve an application on a given port; use it in a `with` block."""
    return served


@pytest.fixture
def command(settings: Settings, tmp_path: Path) -> Command:
    """Call `tuning-studio` with these words."""

    def call(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "studio", *words],
            cwd=tmp_path,
            env={**settings.environment(), "PYTHONPATH": str(ROOT), "COLUMNS": "200", **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return call


@pytest.fixture
def running(studio: Studio) -> Iterator[Studio]:
    """A studio that answers where the settings say."""
    logs.configure("test")
    with served(web.create_web(studio, None), studio.settings.port):
        yield studio
