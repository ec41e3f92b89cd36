"""The studio as a person starts it: `tuning-studio up`, in a home folder of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

PATIENCE = 120
"""Seconds that a condition may take on a busy machine."""


@dataclass
class StudioProcess:
    """A studio that runs: where it answers, its processes, and its API."""

    address: str
    home: Path
    process: subprocess.Popen[bytes]
    api: httpx.Client

    @classmethod
    def start(cls, folder: Path, hub: str) -> "StudioProcess":
        """Start a studio below a folder; `hub` is the address of the models' hub."""
        home, port = folder / "home", _free_port()
        # Read by the processes that are started, as in a person's shell.
        environment = os.environ | {  # noqa: TID251
            "STUDIO_HOME": str(home),
            "STUDIO_PORT": str(port),
            "STUDIO_CHAT_PORT": str(_free_port()),
            "HF_ENDPOINT": hub,
            "OMP_NUM_THREADS": "2",
            "HF_TOKEN": "",
        }
        arguments = [sys.executable, "-P", "-m", "studio", "up", "--no-open"]
        with (folder / "studio.log").open("wb") as log:
            process = subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)
        address = f"http://127.0.0.1:{port}"
        api = httpx.Client(base_url=f"{address}/api/v1", trust_env=False, timeout=60)
        studio = cls(address, home, process, api)
        until(studio.answers, "the studio answers")
        return studio

    def answers(self) -> bool:
        """Tell whether the web process answers."""
        assert self.process.poll() is None, "the studio has ended by itself"
        try:
            return httpx.get(f"{self.address}/healthz", trust_env=False, timeout=5).is_success
        except httpx.TransportError:
            return False

    def web_process(self) -> psutil.Process:
        """Return the process that serves the pages."""
        return self._child("studio.server")

    def chat_process(self) -> psutil.Process:
        """Return the process that answers for the models."""
        return self._child("worker.chat")

    def end(self) -> list[psutil.Process]:
        """End it as Ctrl-C does; returns the processes of it that are left."""
        begun = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        self.api.close()
        return psutil.wait_procs(begun, timeout=5)[1]

    def get(self, path: str) -> Any:
        """Return what the API says at a path."""
        answer = self.api.get(path)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **request: Any) -> Any:
        """Return what the API answers to a request."""
        answer = self.api.post(path, **request)
        assert answer.is_success, answer.text
        return answer.json()

    def ready(self, path: str) -> dict[str, Any]:
        """Return a dataset or a model once the worker is done with it."""
        until(lambda: self.get(path)["status"] in ("ready", "failed"), f"{path} is prepared")
        found: dict[str, Any] = self.get(path)
        assert found["status"] == "ready", found["error"]
        return found

    def run_ends(self, run_id: str) -> dict[str, Any]:
        """Return a run once it has ended."""
        until(lambda: self.get(f"/runs/{run_id}")["status"] in ENDED, f"{run_id} ends")
        found: dict[str, Any] = self.get(f"/runs/{run_id}")
        return found

    def _child(self, module: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children()
        return next(child for child in children if module in child.cmdline())


ENDED = ("finished", "stopped", "failed", "discarded")


def until(condition: Any, what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, f"waited {seconds} s in vain until {what}"
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
