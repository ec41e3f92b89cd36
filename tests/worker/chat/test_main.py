"""The chat server as a process: it starts, answers over the studio's database, and ends cleanly."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from storage import database
from storage.settings import Settings
from tests.worker.chat.conftest import Family
from tests.worker.chat.test_stored import add_base

HOUSE = Path(__file__).resolve().parents[3]


@pytest.fixture
def process(tmp_path: Path, llama: Family) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A running `python -m worker.chat` over a home with one base model, and its address."""
    settings = Settings(home=tmp_path, chat_port=free_port())
    opened = database.opened(settings)
    add_base(opened, llama.base)
    opened.close()
    environment = {**settings.environment(), "PYTHONWARNINGS": "default"}
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.chat"], cwd=HOUSE, env=environment, stderr=subprocess.PIPE
    )
    yield process, settings.chat_address
    process.kill()
    process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_until_up(address: str) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{address}/healthz").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server did not come up")


def test_the_server_answers_and_ends_with_all_it_started(
    process: tuple["subprocess.Popen[bytes]", str],
) -> None:
    server, address = process
    wait_until_up(address)
    name = httpx.get(f"{address}/v1/models").json()["data"][0]["id"]
    body = {
        "model": name,
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 5,
    }
    answer = httpx.post(f"{address}/v1/chat/completions", json=body, timeout=120)
    assert answer.status_code == 200, answer.text
    assert 1 <= answer.json()["usage"]["completion_tokens"] <= 5
    children = psutil.Process(server.pid).children(recursive=True)
    assert children, "the renderer runs in a process of its own"
    os.kill(server.pid, signal.SIGTERM)
    errors = server.communicate(timeout=120)[1]
    assert b"Traceback" not in errors
    left = psutil.wait_procs(children, timeout=60)[1]
    assert not left
