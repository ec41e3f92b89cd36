"""Watching one child: the lease, a person's stop, a shutdown, and how it ended."""

import threading
import time
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import OperationalError

from storage.errors import Superseded
from storage.status import RunStatus, StopRequest
from worker import endings, failures, memory_kills, standstill
from worker.children import Child, Nursery
from worker.duties import Duty
from worker.failures import Death
from worker.standstill import Standstill

log = structlog.get_logger()

_LOOK_EVERY = 0.25  # seconds

SHUTDOWN = "shutdown"
STANDSTILL = "standstill"

PATIENCE: dict[str, tuple[float, float]] = {
    StopRequest.KEEP: (180.0, 210.0),
    StopRequest.DISCARD: (5.0, 10.0),
    SHUTDOWN: (0.0, 25.0),
    STANDSTILL: (0.0, 20.0),
}
"""Seconds until a child that should end gets SIGTERM, and until it is killed.

A child that trains hears of a person's wish by itself, and then still needs to end its step and to
save; what a person discards needs no saving.
"""


@dataclass
class Orders:
    """What the worker as a whole wants of all its watches."""

    closing: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)


class Watch:
    """One child at one duty, from its start to its end.

    Args:
        duty: what it is at.
        nursery: where the child comes from.
        orders: whether the worker shuts down.
        heartbeat_seconds: time between two heartbeats.
    """

    def __init__(
        self, duty: Duty, nursery: Nursery, orders: Orders, heartbeat_seconds: float
    ) -> None:
        self.duty = duty
        self.task = duty.task
        self._nursery = nursery
        self._orders = orders
        self._every = heartbeat_seconds
        self._since: dict[str, float] = {}
        self._was_asked = False
        self._standstill = Standstill(duty.hang_seconds)
        self._killed_before = memory_kills.count()

    def run(self) -> None:
        """Start the child, watch it, and note how it ended. Returns when all of that is done."""
        try:
            child = self._start()
            if child is not None:
                self._see_through(child)
        except Superseded as superseded:
            log.warning("fenced_off", **self._name, words=superseded.message)

    def _start(self) -> Child | None:
        try:
            child = self._nursery.start(self.task)
        except (OSError, EOFError) as error:  # too many processes, or the forkserver was killed
            log.error("child_not_started", **self._name, reason=repr(error))
            self.duty.died(Death("no process could be started for it"))
            return None
        log.info("child_started", **self._name, pid=child.pid)
        return child

    def _see_through(self, child: Child) -> None:
        try:
            self.duty.begin()
            with self.duty.measured(child.pid):
                code = self._attend(child)
            log.info("child_ended", **self._name, exit_code=code)
            self._conclude(code)
        finally:
            child.kill()

    def _attend(self, child: Child) -> int:
        """Wait for the child; returns its exit code."""
        beat_at = 0.0
        while (code := child.wait(min(_LOOK_EVERY, self._every))) is None:
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + self._every
                self._beat()
                self._feel_the_pulse(child)
            if self._orders.closing.is_set():
                self._since.setdefault(SHUTDOWN, time.monotonic())
            self._press(child)
        return code

    def _beat(self) -> None:
        try:
            asked = self.duty.beat()
        except OperationalError as error:  # a busy or full database: the lease has time left
            log.warning("heartbeat_not_written", **self._name, reason=str(error.orig))
            return
        if asked is not None:
            self._since.setdefault(asked, time.monotonic())

    def _feel_the_pulse(self, child: Child) -> None:
        """Notice that the child gets on no more; what it is doing then is kept before it ends."""
        if STANDSTILL in self._since or (pulse := self._pulse()) is None:
            return
        self._standstill.hear(pulse)
        if self._standstill.is_over:
            log.warning("stands_still", **self._name, words=self._standstill.words)
            self._since[STANDSTILL] = time.monotonic()
            standstill.look(child.pid, self.task.standstill_file)

    def _pulse(self) -> standstill.Pulse | None:
        try:
            return self.duty.pulse()
        except OperationalError:  # a busy or full database says nothing about the child
            return None

    def _press(self, child: Child) -> None:
        """Ask a child that should have ended to end, and kill it when that did not help."""
        for wish, since in self._since.items():
            until_asked, until_killed = PATIENCE[wish]
            waited = time.monotonic() - since
            if waited >= until_killed or self._orders.hurry.is_set():
                log.warning("child_killed", **self._name, after=wish, waited_seconds=round(waited))
                child.kill()
            elif waited >= until_asked and not self._was_asked:
                self._was_asked = True
                child.ask()

    def _conclude(self, code: int) -> None:
        ending = endings.take(self.task.folder, self.task.attempt)
        if STANDSTILL in self._since and (ending is None or ending.status == RunStatus.QUEUED):
            self.duty.stood_still(self._standstill.words)
        elif ending is not None:
            self.duty.end(ending)
            log.info("ended", **self._name, status=ending.status, words=ending.words)
        elif self._orders.closing.is_set():
            self.duty.release()
            log.info("released", **self._name)
        else:
            for_memory = memory_kills.count() > self._killed_before
            death = failures.of_exit(code, self.task.log_file, killed_for_memory=for_memory)
            self.duty.died(death)
            log.warning("child_died", **self._name, reason=death.reason)

    @property
    def _name(self) -> dict[str, str | int]:
        return {"of": self.task.identifier, "attempt": self.task.attempt}
