"""What will happen when Start is pressed: faults, warnings, steps, tokens, time and memory."""

import difflib
import math
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from storage.base_models import Base
from storage.datasets import Dataset
from storage.errors import Fault
from storage.mappings import Target
from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from storage.status import WorkStatus

TEMPLATE_TOKENS = 10
"""A question and an answer in ChatML: roles, marks and line ends, counted on the starter model."""

_LEARNED = frozenset({Target.CHAT, Target.TEXT})
"""What a run can learn from; better and worse answers take another way of training."""

_EXAMS = 10
"""So many evaluations a run holds where nothing else is asked for (worker/training/arguments)."""

CPU_FLOPS_PER_CORE = 5e10
"""Packed blocks in float32: 863 tokens a second of one core with 20 million parameters make 1.1e11,
4,089 with 3 million 7.7e10; a second core adds 0.4 of one, the trainer takes its part."""

PADDING = 2.0
"""Without packing so many times the work: short examples are filled up to the longest beside it."""

ACTIVATION_BYTES = 230
"""A token, layer and hidden unit, in float32 with LoRA on all linear layers: 222 to 244 measured on
Llamas of 3, 20 and 88 million parameters by the peak of a process that takes two steps."""

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
"""There where a driver is loaded; asking the GPU itself would take a library of its own."""

PROCESS_BYTES = 600_000_000
"""What Python, torch and the training libraries need before the model is loaded."""


@dataclass(frozen=True)
class Machine:
    """What the estimates need to know of this machine: cores, free memory in bytes, a GPU or not.

    The figures are a processor's: with a GPU no time is promised, and memory is not warned about.
    """

    cores: int
    free_memory: int
    has_gpu: bool = False


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
    """Return this machine's cores and free memory, and whether it has a GPU that can train."""
    free = psutil.virtual_memory().available
    return Machine(psutil.cpu_count() or 1, free, NVIDIA_DRIVER.exists())


def plan(
    spec: RunSpec, data: Dataset, model: Base, facts: ModelFacts | None, here: Machine
) -> Plan:
    """Judge a spec against its data, its model (facts None: not ready yet) and this machine."""
    faults = _prepared_faults(data, model)
    if facts is not None:
        faults += _model_faults(spec, facts)
    amount = _amount(spec, data, facts)
    memory = _memory(spec, facts) if facts else None
    return Plan(
        faults=faults,
        warnings=_warnings(spec, data, facts, memory, here),
        effective_batch=spec.effective_batch,
        steps=amount.steps if amount else spec.max_steps,
        tokens=amount.tokens if amount else None,
        seconds=_seconds(spec, amount, facts, here)
        if amount and facts and not here.has_gpu
        else None,
        memory_bytes=memory,
    )


def _prepared_faults(data: Dataset, model: Base) -> list[Fault]:
    words = _data_words(data)
    faults = [Fault("dataset_id", words)] if words else []
    if model.status is WorkStatus.FAILED:
        faults.append(Fault("base_model_id", f"{model.name} cannot be used: {model.error}"))
    return faults


def _data_words(data: Dataset) -> str:
    """Return why nothing can be learned from the data; empty where it can, or will be read yet."""
    if data.status is WorkStatus.FAILED:
        return f"{data.name} could not be read: {data.error}"
    if data.status is WorkStatus.UNSURE:
        return f"Say first which column of {data.name} is the question and which the answer."
    if data.target is not None and data.target not in _LEARNED:
        return (
            f"{data.name} holds better and worse answers, not conversations. Make conversations "
            "of the chosen answers first: open the data, then Prepare."
        )
    if data.status is WorkStatus.READY and data.rows_good < 2:
        return "At least two good examples are needed."
    if data.status is WorkStatus.READY and data.rows_held_out >= data.rows_good:
        return f"All rows of {data.name} are kept for the exam; nothing is left to learn from."
    return ""


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


def characters_per_token(vocabulary_size: int) -> float:
    """Return how many characters of English a token holds, estimated from the vocabulary's size.

    Measured with byte-level BPE on text of another kind than the tokenizer was trained on: 1.4 at
    300 tokens, 2.1 at 1,024, 2.4 at 2,048, 2.6 at 4,096 (half more on text of its own kind: 3.6 of
    the starter model on its samples, 4.0 at 4,096). Large vocabularies reach 4 to 4.5. Each
    doubling adds about the same.
    """
    grown = 2.5 + 0.375 * math.log2(max(vocabulary_size, 1) / 2048)
    return min(4.5, max(1.0, grown))


@dataclass(frozen=True)
class _Amount:
    """What a run reads: optimizer steps, tokens learned from, tokens read in exams."""

    steps: int
    tokens: int
    exam_tokens: int


def _amount(spec: RunSpec, data: Dataset, facts: ModelFacts | None) -> _Amount | None:
    """Return what a run reads, estimated from the characters of the rows; None: not known yet.

    Steps are counted as in worker/training/arguments.
    """
    if data.status is not WorkStatus.READY or not data.report or facts is None:
        return None
    exam = _exam_rows(spec, data)
    rows = max(1, round(data.rows_good - exam))
    a_row = min(float(spec.max_length), _tokens(data, facts, "mean"))
    blocks = math.ceil(rows * a_row / spec.max_length) if spec.packing else rows
    a_reading = math.ceil(blocks / spec.effective_batch)
    steps = spec.max_steps or max(1, math.ceil(spec.epochs * a_reading))
    exams = math.ceil(steps / spec.eval_every) if spec.eval_every else min(steps, _EXAMS)
    exam_tokens = exams * exam * a_row
    return _Amount(steps, round(steps / a_reading * rows * a_row), round(exam_tokens))


def _exam_rows(spec: RunSpec, data: Dataset) -> float:
    """Return how many rows are kept for the exam: those that the data marks, else the share."""
    return float(data.rows_held_out) or data.rows_good * spec.eval_share


def _tokens(data: Dataset, facts: ModelFacts, which: str) -> float:
    """Return the tokens of the mean or of the longest row, chat template included."""
    characters = float(data.report["characters"][which]) if data.report else 0.0
    template = 0 if "text" in (data.shape, data.target) else TEMPLATE_TOKENS
    return characters / characters_per_token(facts.vocabulary_size) + template


def _seconds(spec: RunSpec, amount: _Amount, facts: ModelFacts, here: Machine) -> float:
    """Return the time on this machine's cores: six operations a parameter and token.

    Two of the six are the way forward, which is all that an exam needs.
    """
    slower = (1.25 if spec.gradient_checkpointing else 1.0) * (1.0 if spec.packing else PADDING)
    speed = CPU_FLOPS_PER_CORE * min(here.cores, 16)
    operations = 6.0 * amount.tokens * slower + 2.0 * amount.exam_tokens
    return facts.parameters * operations / speed


def _memory(spec: RunSpec, facts: ModelFacts) -> int:
    """Return the peak in bytes: weights, adapter with optimizer, activations, logits, process.

    Activations are counted by token, layer and hidden unit; 10 bytes a logit.
    """
    modules = spec.target_modules or tuple(facts.linear_modules)
    adapter = 2 * spec.rank * facts.hidden_size * len(modules) * facts.layers
    tokens = spec.batch_size * spec.max_length
    a_unit = ACTIVATION_BYTES * facts.layers
    if spec.gradient_checkpointing:  # each layer's input is kept, one layer at a time computed anew
        a_unit = min(a_unit, 4 * facts.layers + ACTIVATION_BYTES)
    activations = a_unit * tokens * facts.hidden_size
    logits = 10 * tokens * facts.vocabulary_size
    optimizer = adapter * _BYTES_PER_LEARNED[spec.optimizer]
    return round(_weights(spec, facts) + optimizer + activations + logits + PROCESS_BYTES)


_BYTES_PER_LEARNED = {"adamw_torch": 16, "adamw_bnb_8bit": 10, "paged_adamw_8bit": 10}
"""Of each number that learns: itself, its gradient, and two moments (of one byte with 8 bits)."""


def _weights(spec: RunSpec, facts: ModelFacts) -> float:
    """Return the bytes of the frozen weights; only linear layers are shrunk, never the embeddings.

    4 bits come with a scale of 4 bytes for each 64 weights; shrunk again, these scales take 0.127
    bits a weight (Dettmers et al. 2023).
    """
    if facts.quantized:
        return float(facts.weight_bytes)
    tables = facts.vocabulary_size * facts.hidden_size * (1 if facts.tied_embeddings else 2)
    kept = min(tables, facts.parameters)
    four_bits = 0.5 + (0.127 / 8 if spec.double_quantization else 4 / 64)
    a_weight = {"none": 4.0, "8bit": 1.0, "nf4": four_bits, "fp4": four_bits}[spec.quantization]
    return 4.0 * kept + a_weight * (facts.parameters - kept)


def _warnings(
    spec: RunSpec, data: Dataset, facts: ModelFacts | None, memory: int | None, here: Machine
) -> list[Fault]:
    found = []
    if memory is not None and memory > here.free_memory and not here.has_gpu:
        words = f"This may need {memory / 1e9:.1f} GB; {here.free_memory / 1e9:.1f} GB are free."
        found.append(Fault("batch_size", words + " A shorter length or 4-bit loading helps."))
    if data.status is WorkStatus.READY and data.rows_good < 50:
        found.append(Fault("dataset_id", f"Only {data.rows_good} examples: expect small changes."))
    found += _exam(spec, data)
    if facts is not None and not facts.has_chat_template:
        found.append(
            Fault("base_model_id", "This model has no chat template; a plain one will be used.")
        )
    found += _cut(spec, data, facts)
    if spec.alpha > 4 * spec.rank:
        found.append(Fault("alpha", "More than four times the rank often drowns the base model."))
    return found


def _exam(spec: RunSpec, data: Dataset) -> list[Fault]:
    if data.rows_held_out:
        words = f"The data itself keeps {data.rows_held_out:,} rows for the exam; this share"
        return [Fault("eval_share", f"{words} does nothing.")]
    if spec.eval_share == 0 and spec.early_stopping:
        return [Fault("eval_share", "Without an exam the run cannot stop early by itself.")]
    return []


def _cut(spec: RunSpec, data: Dataset, facts: ModelFacts | None) -> list[Fault]:
    if facts is None or data.status is not WorkStatus.READY or not data.report:
        return []
    mean, longest = (_tokens(data, facts, which) for which in ("mean", "longest"))
    if longest <= spec.max_length:
        return []
    many = "Most examples are" if mean > spec.max_length else "The longest example is"
    size = f"{(mean if mean > spec.max_length else longest):,.0f}"
    words = f"{many} about {size} tokens long; what is beyond {spec.max_length:,} is cut off."
    return [Fault("max_length", words)]
