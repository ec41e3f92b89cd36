"""A real Redis server of a test's own, which can be killed and started again."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis


class RedisServer:
    """A server on a free port; it keeps nothing on disk, so a kill loses all that it holds.

    Args:
        folder: where it works.
    """

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("there is no redis-server on this machine")
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ["--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            ["redis-server", *options], cwd=self._folder, stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while not self.answers:
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as an accident would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def flush(self) -> None:
        """Throw away everything it holds."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def waiting(self) -> int:
        """Return how many messages nobody has taken yet."""
        with redis.Redis.from_url(self.url) as client:
            return int(str(client.llen("huey.redis.studio")))

    def plant(self, message: bytes) -> None:
        """Put a message into the queue as somebody with access to the server could."""
        with redis.Redis.from_url(self.url) as client:
            client.lpush("huey.redis.studio", message)

    @property
    def answers(self) -> bool:
        """Tell whether it can be reached."""
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
