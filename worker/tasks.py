"""The only door into the worker: a doorbell that says *look at the database*."""

import json
import sqlite3
from collections.abc import Callable

import structlog
from huey import SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

from storage.settings import Settings

log = structlog.get_logger()


class JsonSerializer(Serializer):  # type: ignore[misc]  # huey ships no types
    """Queue messages as JSON: a message planted by somebody else can run no code."""

    def _serialize(self, data: object) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> object:
        value = json.loads(data)
        return Message(*value) if isinstance(value, list) else value


class Doorbell:
    """Huey's queue with its single task. A lost, doubled or late ring is harmless.

    Args:
        settings: say where the queue's own SQLite file is.
        answer: what the worker does when the bell rings; whoever only rings leaves it out.
    """

    def __init__(self, settings: Settings, answer: Callable[[], None] | None = None) -> None:
        self.queue = SqliteHuey(
            "studio",
            filename=str(settings.queue_file),
            serializer=JsonSerializer(),
            results=False,
            utc=True,
        )

        def look() -> None:
            if answer is not None:
                answer()

        self._look = self.queue.task(name="look")(look)

    def ring(self) -> None:
        """Tell the worker to look; where the queue is busy its own round will find the work."""
        try:
            self._look()
        except sqlite3.OperationalError as error:
            log.warning("doorbell_not_rung", reason=str(error))
