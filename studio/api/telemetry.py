"""What a run takes of the machine, over HTTP."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from studio.api.person import Here, Person
from studio.services import telemetry

router = APIRouter(prefix="/runs", tags=["runs"])


class SampleAnswer(BaseModel):
    """What a run took at a moment, in seconds since 1970.

    Values by name: `memory` and `free` in bytes, `processor` in percent of one core, `cores`,
    `cards` by number (bytes, percent, degrees Celsius, watts, joules), `joules` of the whole run.
    """

    model_config = ConfigDict(from_attributes=True)

    at: float
    values: dict[str, Any]


class TelemetryAnswer(BaseModel):
    """Samples in order, the devices that the run holds or held last, and its energy in kWh."""

    model_config = ConfigDict(from_attributes=True)

    device: str | None
    samples: list[SampleAnswer]
    kilowatt_hours: float | None


@router.get("/{run_id}/telemetry")
def samples(
    studio: Here, owner: Person, run_id: str, after: float | None = None
) -> TelemetryAnswer:
    """Give what the run took of the machine after a moment; without one, from the start."""
    return TelemetryAnswer.model_validate(telemetry.of_run(studio, owner, run_id, after))
