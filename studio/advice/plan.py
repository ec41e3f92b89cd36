"""What will happen when Start is pressed: faults, warnings, steps, tokens, time and memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.errors import Fault
from storage.specs import RunSpec
from studio.advice import amount, faults, memory, pace, remarks, several
from studio.advice.known import Known
from studio.advice.machine import Machine
from studio.advice.memory import Memory
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
    memory: Memory | None = None
    reasons: list[Reason] = field(default_factory=list)

    @classmethod
    def refused(cls, found: list[Fault]) -> "Plan":
        """Return the plan of settings that cannot be read."""
        return cls(faults=found)

    @classmethod
    def refused_field(cls, name: str, message: str) -> "Plan":
        """Return the plan of settings with one fault."""
        return cls(faults=[Fault(name, message)])


def plan(
    spec: RunSpec, known: Known, here: Machine, tried: Mapping[str, Any] | None = None
) -> Plan:
    """Judge a spec against its data, its model and this machine.

    Args:
        spec: of the run.
        known: its data and models.
        here: the machine.
        tried: what a trial step of the worker found out about its memory; None: there was none.
    """
    found = amount.of(spec, known)
    takes = memory.judged(spec, known, here, tried)
    return Plan(
        faults=[*faults.of(spec, known), *several.faults(spec, here)],
        warnings=[*remarks.of(spec, known, takes), *several.remarks(spec, here)],
        effective_batch=spec.effective_batch,
        steps=found.steps if found else spec.max_steps,
        tokens=found.tokens if found else None,
        seconds=pace.seconds(spec, found, known, here) if found else None,
        memory_bytes=takes.total if takes else None,
        memory=takes,
    )
