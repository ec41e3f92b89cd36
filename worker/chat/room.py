"""Who may have the memory: a run comes first, the chat gives way and says so."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import psutil
import structlog
import torch
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from storage import leases, telemetry, volumes
from storage.database import Database
from storage.status import ACTIVE
from storage.tables import BaseModelRow, RunRow
from worker import devices
from worker.chat import base
from worker.chat.catalogue import Contestant
from worker.chat.exchange import NoRoom
from worker.devices import PROCESSOR

log = structlog.get_logger()

RESERVE: Final = 500_000_000
"""Bytes that stay free beside what a run is known to need."""

OVERHEAD: Final = 1.2
"""What a model takes beside its weights while it is loaded and talks, as a share of them."""

_PROCESS: Final = 600_000_000
_LEARNING: Final = 1.3
_BYTES: Final = {"none": 4.0, "8bit": 1.0, "nf4": 0.56, "fp4": 0.56}
"""The rule for a run without a plan: its process, and its base model's weights by how they are
shrunk, with a third more for what learns and what a step keeps."""


class Room(Protocol):
    """Says whether the chat may stay, and whether it may load something."""

    def is_short(self) -> bool:
        """Whether a run needs the memory that a resident model takes."""

    def require(self, contestant: Contestant) -> None:
        """Raise NoRoom where a run leaves too little memory to load this one."""


class Alone:
    """Nobody else needs the memory."""

    def is_short(self) -> bool:
        """Never."""
        return False

    def require(self, contestant: Contestant) -> None:
        """Let everyone in."""


@dataclass(frozen=True)
class Claim:
    """A run under way: what it is called, the bytes it will still take, the seconds it has left."""

    name: str
    bytes: float
    seconds: float | None


class Shared:
    """The room of a chat whose machine also trains.

    Args:
        database: knows the runs under way.
        device: models are loaded onto, by its name as runs hold it.
        free: returns the bytes that are free on it.
        every: seconds for which the answer whether it is short holds.
    """

    def __init__(
        self,
        database: Database,
        device: str = PROCESSOR,
        free: Callable[[], int] | None = None,
        every: float = 1.0,
    ) -> None:
        self._database = database
        self._device = device
        self._every = every
        self._told: tuple[float, bool] | None = None
        self._free = free or (_free_here if device == PROCESSOR else _free_on_card)

    def is_short(self) -> bool:
        """Whether a run is under way and less is free than it will still take."""
        now = time.monotonic()
        if self._told is None or now - self._told[0] >= self._every:
            claims = self._claims()
            wanted = RESERVE + sum(claim.bytes for claim in claims)
            self._told = now, bool(claims) and self._free() < wanted
        return self._told[1]

    def require(self, contestant: Contestant) -> None:
        """Raise NoRoom where a run leaves too little memory to load this one."""
        self._told = None
        claims = self._claims()
        if not claims:
            return
        left = self._free() - RESERVE - sum(claim.bytes for claim in claims)
        needed = round(OVERHEAD * base.bytes_of(contestant.base_folder))
        if needed > left:
            raise _refusal(contestant, claims[0], needed, max(0, left))

    def _claims(self) -> list[Claim]:
        """What the runs will still take that share the chat's memory."""
        here = f"{leases.worker_name().partition(':')[0]}:"
        query = select(RunRow).where(
            RunRow.status.in_(ACTIVE), RunRow.worker.startswith(here, autoescape=True)
        )
        try:
            with self._database.read() as session:
                rows = [row for row in session.scalars(query) if self._shares(row.device)]
                facts = [session.get_one(BaseModelRow, row.base_model_id).facts for row in rows]
        except OperationalError as error:  # whoever cannot ask gives way to nobody
            log.warning("runs_not_asked_for", reason=str(error.orig))
            return []
        return [self._claim(row, known) for row, known in zip(rows, facts, strict=True)]

    def _shares(self, held: str | None) -> bool:
        if held is None or self._device == PROCESSOR:
            return True
        return self._device in held.split(",")

    def _claim(self, row: RunRow, facts: dict[str, Any] | None) -> Claim:
        left = row.seconds / row.step * (row.total_steps - row.step) if row.step else None
        return Claim(row.name, max(0, _planned(row, facts) - self._taken(row)), left)

    def _taken(self, row: RunRow) -> float:
        """Bytes that a run has already; on a card everything once its steps have begun."""
        if self._device != PROCESSOR:
            return math.inf if row.step else 0
        last = telemetry.last(self._database, row.id)
        return float(last.values.get("memory", 0)) if last else 0


def loads_onto(visible_cards: str | None) -> str:
    """Return the device that the chat loads models onto, as runs hold it."""
    if not torch.cuda.is_available():
        return PROCESSOR
    return devices.of_machine(visible_cards).devices[0]


def _planned(row: RunRow, facts: dict[str, Any] | None) -> int:
    """Bytes that a run takes at its peak: as planned, measured before, or by its base model."""
    known = max(row.planned_bytes or 0, row.memory_bytes or 0)
    if known or not facts:
        return known
    weights = float(facts["parameters"]) * _BYTES[str(row.spec.get("quantization", "none"))]
    return round(_PROCESS + _LEARNING * weights)


def _refusal(contestant: Contestant, claim: Claim, needed: int, left: float) -> NoRoom:
    when = "when it has ended"
    if claim.seconds is not None:
        when = f"when it has ended, in about {max(1, round(claim.seconds / 60))} min"
    rest = f"{volumes.in_words(round(left))} are" if left else "nothing is"
    return NoRoom(
        f'The run "{claim.name}" is training, and there is not enough memory to talk with '
        f'"{contestant.title}" beside it: that takes about {volumes.in_words(needed)}, and '
        f"{rest} left.",
        f"Ask again {when}, or stop the run.",
    )


def _free_here() -> int:
    return int(psutil.virtual_memory().available)


def _free_on_card() -> int:
    return int(torch.cuda.mem_get_info()[0])
