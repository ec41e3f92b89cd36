"""How long a run takes on this machine's cores, by the operations of its way of learning."""

from storage.specs import RunSpec
from studio.advice.amount import Amount, is_packed
from studio.advice.known import Known
from studio.advice.machine import Machine

CPU_FLOPS_PER_CORE = 5e10
"""Packed blocks in float32: 863 tokens a second of one core with 20 million parameters make 1.1e11,
4,089 with 3 million 7.7e10; a second core adds 0.4 of one, the trainer takes its part."""

PADDING = 2.0
"""Without packing so many times the work: short examples are filled up to the longest beside it."""

STEP_SECONDS = 0.012
"""What a step takes beside its operations: 15 thousandths of a second were measured with 100,000
parameters on a busy machine of two cores."""

_FORWARD = 2.0
"""Operations a parameter and token on the way forward; back it is twice as many."""

_ALSO_FORWARD = {"dpo": 1, "kto": 3, "distill": 4}
"""So many more ways forward: the original's answers to compare with; of KTO those and both models'
answers to exchanged questions; of distillation the writing, word by word, which uses the cores
about four times less well than reading."""


def seconds(spec: RunSpec, amount: Amount, known: Known, here: Machine) -> float | None:
    """Return the time in seconds; None where no figures are known for this machine or model."""
    if known.facts is None or here.has_gpu:
        return None
    slower = (1.25 if spec.gradient_checkpointing else 1.0) * (1.0 if is_packed(spec) else PADDING)
    learned = _FORWARD * (3 + _ALSO_FORWARD.get(spec.method, 0)) * known.facts.parameters
    examined = _FORWARD * known.facts.parameters
    if known.teacher_facts is not None:
        learned += _FORWARD * known.teacher_facts.parameters
    operations = learned * amount.tokens * slower + examined * amount.exam_tokens
    computing = operations / (CPU_FLOPS_PER_CORE * min(here.cores, 16))
    return computing + STEP_SECONDS * spec.accumulation * amount.steps
