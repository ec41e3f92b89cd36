"""A real web process over a home, which can be killed and started again."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from storage.settings import Settings

PROJECT = Path(__file__).parents[2]

PATIENCE = 240.0
"""Seconds in which it answers, on a busy machine."""


class WebProcess:
    """A `python -m studio.server` over a home; everything it says is in its log.

    Args:
        home: the studio's folder.
    """

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        self._settings = Settings(home=home, port=port)
        self.log = home.with_name(f"{home.name}-web.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE
        )

    def start(self) -> "WebProcess":
        """Start it, and wait until it answers."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "studio.server"],
                cwd=PROJECT,
                env=self._settings.environment() | {"OMP_NUM_THREADS": "1"},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + PATIENCE
        while not self.answers:
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, "the web process does not answer"
            time.sleep(0.1)
        return self

    def kill(self) -> None:
        """End it as an accident would: no handler runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """End it for good."""
        self.kill()
        self._client.close()

    @property
    def answers(self) -> bool:
        """Tell whether it can be reached."""
        try:
            return self._client.get("/healthz").is_success
        except httpx.TransportError:
            return False

    @property
    def memory(self) -> int:
        """Bytes of memory that it holds."""
        assert self._process is not None
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def page(self, path: str) -> str:
        """Return a page; raises where it is not shown."""
        return self._client.get(path).raise_for_status().text

    def get(self, path: str, **more: Any) -> Any:
        """Return what the API says at a path."""
        return self._client.get(f"/api/v1{path}", **more).raise_for_status().json()

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Return what the API answers to a request, whatever it is."""
        return self._client.request(method, f"/api/v1{path}", **more)
