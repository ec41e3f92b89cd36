"""What will happen when Start is pressed: faults, warnings, steps, tokens, time and memory."""

import difflib
import math
from dataclasses import dataclass, field

import psutil

from storage.base_models import Base
from storage.datasets import Dataset
from storage.errors import Fault
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus

CHARACTERS_PER_TOKEN = 4.0
"""Usual for English text and large vocabularies; small vocabularies need more tokens."""

CPU_FLOPS_PER_CORE = 1.5e10
"""Reached by training a 20-million-parameter Llama on two cores: 249 tokens a second."""

PROCESS_BYTES = 600_000_000
"""What Python, torch and the training libraries need before the model is loaded."""


@dataclass(frozen=True)
class Machine:
    """What the estimates need to know of this machine: cores, and free memory in bytes."""

    cores: int
    free_memory: int


@dataclass(frozen=True)
class Plan:
    """What would happen. Only faults keep a run from starting.

    Units: `tokens` are read over the whole run, `seconds` and `memory_bytes` are estimates; each is
    None where it cannot be known yet.
    """

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    effective_batch: int | None = None
    steps: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    memory_bytes: int | None = None

    @classmethod
    def refused(cls, faults: list[Fault]) -> "Plan":
        """Return the plan of settings that cannot be read."""
        return cls(faults=faults)

    @classmethod
    def refused_field(cls, name: str, message: str) -> "Plan":
        """Return the plan of settings with one fault."""
        return cls(faults=[Fault(name, message)])


def machine() -> Machine:
    """Return this machine's cores and free memory."""
    return Machine(psutil.cpu_count() or 1, psutil.virtual_memory().available)


def plan(
    spec: RunSpec, data: Dataset, model: Base, facts: ModelFacts | None, here: Machine
) -> Plan:
    """Judge a spec against its data, its model (facts None: not ready yet) and this machine."""
    faults = _prepared_faults(data, model)
    if facts is not None:
        faults += _model_faults(spec, facts)
    steps, tokens = _amount(spec, data)
    memory = _memory(spec, facts) if facts else None
    return Plan(
        faults=faults,
        warnings=_warnings(spec, data, facts, memory, here),
        effective_batch=spec.effective_batch,
        steps=steps,
        tokens=tokens,
        seconds=_seconds(spec, tokens, facts, here),
        memory_bytes=memory,
    )


def _prepared_faults(data: Dataset, model: Base) -> list[Fault]:
    faults = []
    if data.status is WorkStatus.FAILED:
        faults.append(Fault("dataset_id", f"{data.name} could not be read: {data.error}"))
    elif data.status is WorkStatus.READY and data.rows_good < 2:
        faults.append(Fault("dataset_id", "At least two good examples are needed."))
    if model.status is WorkStatus.FAILED:
        faults.append(Fault("base_model_id", f"{model.name} cannot be used: {model.error}"))
    return faults


def _model_faults(spec: RunSpec, facts: ModelFacts) -> list[Fault]:
    faults = [
        _unknown_module(name, facts)
        for name in spec.target_modules
        if name not in facts.linear_modules
    ]
    if facts.context_length and spec.max_length > facts.context_length:
        faults.append(
            Fault("max_length", f"This model reads at most {facts.context_length} tokens at once.")
        )
    if spec.rank > facts.hidden_size:
        faults.append(
            Fault("rank", f"Must be at most {facts.hidden_size}, the width of this model.")
        )
    if spec.quantization != "none" and facts.quantized:
        faults.append(Fault("quantization", "This model is shrunk already; choose none."))
    return faults


def _unknown_module(name: str, facts: ModelFacts) -> Fault:
    near = difflib.get_close_matches(name, facts.linear_modules, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    there = ", ".join(facts.linear_modules)
    return Fault("target_modules", f"This model has no part called {name}.{meant} It has: {there}.")


def _amount(spec: RunSpec, data: Dataset) -> tuple[int | None, int | None]:
    """Return optimizer steps and tokens read, estimated from the characters of the rows."""
    if data.status is not WorkStatus.READY or not data.report:
        return spec.max_steps, None
    rows = max(1, round(data.rows_good * (1 - spec.eval_share)))
    a_row = min(spec.max_length, data.report["characters"]["mean"] / CHARACTERS_PER_TOKEN)
    blocks = math.ceil(rows * a_row / spec.max_length) if spec.packing else rows
    a_step = min(blocks, spec.effective_batch)
    steps = spec.max_steps or max(1, math.ceil(spec.epochs * math.ceil(blocks / a_step)))
    return steps, round(steps * a_step * rows * a_row / max(blocks, 1))


def _seconds(
    spec: RunSpec, tokens: int | None, facts: ModelFacts | None, here: Machine
) -> float | None:
    """Return the time on this machine's cores: six operations a parameter and token."""
    if tokens is None or facts is None:
        return None
    slower = 1.25 if spec.gradient_checkpointing else 1.0
    speed = CPU_FLOPS_PER_CORE * min(here.cores, 16)
    return 6.0 * facts.parameters * tokens * slower / speed


def _memory(spec: RunSpec, facts: ModelFacts) -> int:
    """Return the peak in bytes: weights, adapter with optimizer, activations, logits, process.

    Closed form: 34 bytes a token, layer and hidden unit for activations (Korthikanti et al. 2022,
    without tensor parallelism), 10 bytes a logit.
    """
    bytes_per_weight = {"none": 4.0, "8bit": 1.2, "nf4": 0.65, "fp4": 0.65}[spec.quantization]
    modules = spec.target_modules or tuple(facts.linear_modules)
    adapter = 2 * spec.rank * facts.hidden_size * len(modules) * facts.layers * 16
    tokens = spec.batch_size * spec.max_length
    layers = 2 if spec.gradient_checkpointing else facts.layers
    activations = 34 * tokens * facts.hidden_size * layers
    logits = 10 * tokens * facts.vocabulary_size
    return round(
        facts.parameters * bytes_per_weight + adapter + activations + logits + PROCESS_BYTES
    )


def _warnings(
    spec: RunSpec, data: Dataset, facts: ModelFacts | None, memory: int | None, here: Machine
) -> list[Fault]:
    found = []
    if memory is not None and memory > here.free_memory:
        words = f"This may need {memory / 1e9:.1f} GB; {here.free_memory / 1e9:.1f} GB are free."
        found.append(Fault("batch_size", words + " A shorter length or 4-bit loading helps."))
    if data.status is WorkStatus.READY and data.rows_good < 50:
        found.append(Fault("dataset_id", f"Only {data.rows_good} examples: expect small changes."))
    if spec.eval_share == 0 and spec.early_stopping:
        found.append(Fault("eval_share", "Without an exam the run cannot stop early by itself."))
    if facts is not None and not facts.has_chat_template:
        found.append(
            Fault("base_model_id", "This model has no chat template; a plain one will be used.")
        )
    if spec.alpha > 4 * spec.rank:
        found.append(Fault("alpha", "More than four times the rank often drowns the base model."))
    return found
