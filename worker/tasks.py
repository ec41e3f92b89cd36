"""The only door into the worker: a doorbell that says *look at the database*, and quick answers.

What takes long is rung for. What is small enough to be answered while a person waits (a preview of
five rows, two versions compared, an export that streams) is done in the process that asks.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog
from huey import RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer
from redis import ConnectionPool, RedisError

from storage.evaluations import Evaluation
from storage.mappings import Mapping
from storage.safety.profile import Profile
from storage.settings import Settings
from worker.export import safety_section

log = structlog.get_logger()

_TO_ANSWER = 3.0
"""Seconds that the queue has to answer; a person who pressed Start waits no longer for the bell."""


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
        settings: say where the queue is: its own SQLite file, or a Redis server.
        answer: what the worker does when the bell rings; whoever only rings leaves it out.
    """

    def __init__(self, settings: Settings, answer: Callable[[], None] | None = None) -> None:
        self.queue = _queue(settings)

        def look() -> None:
            if answer is not None:
                answer()

        self._look = self.queue.task(name="look")(look)

    def consumer(self) -> Any:
        """Return what hears the bell: it must be started, and looped in the main thread."""
        # A look at the empty file takes microseconds, and a person who pressed Start is waiting.
        # Redis wakes who waits; there the pause is the one after it could not be reached.
        first, most = (0.05, 0.05) if isinstance(self.queue, SqliteHuey) else (0.5, 5.0)
        return self.queue.create_consumer(
            workers=1, initial_delay=first, max_delay=most, periodic=False, scheduler_interval=60
        )

    def ring(self) -> None:
        """Tell the worker to look; where the queue is busy its own round will find the work."""
        try:
            self._look()
        except (sqlite3.OperationalError, RedisError) as error:
            log.warning("doorbell_not_rung", reason=str(error))


def _queue(settings: Settings) -> Any:
    common = {"serializer": JsonSerializer(), "results": False, "utc": True}
    if settings.queue_url is None:
        return SqliteHuey("studio", filename=str(settings.queue_file), timeout=_TO_ANSWER, **common)
    pool = ConnectionPool.from_url(
        settings.queue_url, socket_connect_timeout=_TO_ANSWER, socket_timeout=_TO_ANSWER
    )
    return RedisHuey("studio", connection_pool=pool, **common)


def preview_mapping(rows: list[dict[str, Any]], mapping: Mapping) -> dict[str, Any]:
    """Read a few rows of a file with a mapping that is not decided yet.

    Returns:
        `rows`: for each either the normalised row or `{"refused": reason}`; `faults`: words by
        field of the mapping.
    """
    from worker.datasets.mapping import preview  # noqa: PLC0415  (the web process: on first use)

    return preview(rows, mapping)


def columns(original: Path) -> dict[str, Any]:
    """The columns of a person's file with examples, the likeliest mapping, and the first rows.

    Raises:
        StudioError: the file cannot be used as a whole.
    """
    from worker.datasets import plan  # noqa: PLC0415  (the web process: on first use)

    return plan.columns(original)


def compare_rows(one: Path, other: Path) -> dict[str, Any]:
    """Compare the rows of two datasets by their folders; see `operations.compare`."""
    from worker.datasets.operations.compare import compare  # noqa: PLC0415  (on first use)

    return compare(one, other)


def table(folder: Path, kind: str) -> Iterator[bytes]:
    """Stream the rows of a dataset as a file: kind csv or parquet; see `operations.tables`."""
    from worker.datasets.operations.tables import table as streamed  # noqa: PLC0415  (on first use)

    return streamed(folder, kind)


def written(rows: list[dict[str, Any]]) -> bytes:
    """Rows written by a person (question, answer, system) as JSON lines; raises StudioError."""
    from worker.datasets.operations.tables import written as lines  # noqa: PLC0415  (on first use)

    return lines(rows)


def try_template(template: str, base_folder: Path) -> None:
    """Write a short conversation with a chat format for a model, in a process with limits.

    Raises:
        StudioError: the format cannot be used; names its line where that can be told.
    """
    from worker.training import template_trial  # noqa: PLC0415  (on first use)

    template_trial.require_sound(template, template_trial.special_tokens_of(base_folder))


def card_with_check(card: str, check: Evaluation | None, contestant: str) -> str:
    """Return a model card with a safety check in it, or that there was none."""
    return safety_section.put(card, safety_section.section(check, contestant))


def try_profile(profile: Profile, text: str) -> dict[str, Any]:
    """Say what a safety profile makes of a text; see `worker.safety.trial`. Raises StudioError."""
    from worker.safety.trial import tried  # noqa: PLC0415  (the web process: on first use)

    return tried(profile, text)
