"""What will happen when Start is pressed: faults, warnings, steps, tokens, time and memory."""

from dataclasses import dataclass, field

from storage.errors import Fault
from storage.specs import RunSpec
from studio.advice import amount, faults, pace, peak_memory, remarks, several
from studio.advice.known import Known
from studio.advice.machine import Machine
from studio.advice.preset_case import Reason


@dataclass(frozen=True)
class Plan:
    """What would happen. Only faults keep a run from starting.

    Units: `tokens` are read over the whole run, `seconds` and `memory_bytes` are estimates; each is
    None where it cannot be known yet. `reasons` say why the preset gives what was not changed.
    """

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    effective_batch: int | None = None
    steps: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    memory_bytes: int | None = None
    reasons: list[Reason] = field(default_factory=list)

    @classmethod
    def refused(cls, found: list[Fault]) -> "Plan":
        """Return the plan of settings that cannot be read."""
        return cls(faults=found)

    @classmethod
    def refused_field(cls, name: str, message: str) -> "Plan":
        """Return the plan of settings with one fault."""
        return cls(faults=[Fault(name, message)])


def plan(spec: RunSpec, known: Known, here: Machine) -> Plan:
    """Judge a spec against its data, its model and this machine."""
    found = amount.of(spec, known)
    needed = peak_memory.of(spec, known)
    return Plan(
        faults=[*faults.of(spec, known), *several.faults(spec, here)],
        warnings=[*remarks.of(spec, known, needed, here), *several.remarks(spec, here)],
        effective_batch=spec.effective_batch,
        steps=found.steps if found else spec.max_steps,
        tokens=found.tokens if found else None,
        seconds=pace.seconds(spec, found, known, here) if found else None,
        memory_bytes=needed,
    )
