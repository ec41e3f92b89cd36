"""What a run takes of the machine: memory, processor, graphics cards, energy."""

from dataclasses import dataclass

from storage import runs, telemetry
from storage.telemetry import Sample
from studio.services.studio import Studio

JOULES = 3_600_000
"""In a kilowatt hour."""


@dataclass(frozen=True)
class Taken:
    """The samples, the devices held, and the energy up to now in kWh; None: it is not told."""

    device: str | None
    samples: list[Sample]
    kilowatt_hours: float | None


def of_run(studio: Studio, owner: str, run_id: str, after: float | None = None) -> Taken:
    """Return what a run took after a moment (seconds since 1970). Raises NotFound."""
    run = runs.get(studio.database, owner, run_id)
    last = telemetry.last(studio.database, run_id)
    joules = last.values.get("joules") if last else None
    hours = None if joules is None else float(joules) / JOULES
    return Taken(run.device, telemetry.after(studio.database, run_id, after), hours)
