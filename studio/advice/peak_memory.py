"""How much memory a run takes at its peak: weights, what learns, activations, logits, process."""

from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from studio.advice.known import Known
from studio.advice.lengths import PAIRED

ACTIVATION_BYTES = 230
"""A token, layer and hidden unit, in float32 with LoRA on all linear layers: 222 to 244 measured on
Llamas of 3, 20 and 88 million parameters by the peak of a process that takes two steps."""

LOGIT_BYTES = 10
"""A token and word of the vocabulary."""

PROCESS_BYTES = 600_000_000
"""What Python, torch and the training libraries need before the model is loaded."""

_NUMBER = 4
"""Bytes of a number in float32, which all that learns is kept in."""

_BYTES_PER_LEARNED = {
    "adamw_torch": 16, "paged_adamw_32bit": 16, "adamw_bnb_8bit": 10, "paged_adamw_8bit": 10,
    "lion_8bit": 9, "adafactor": 8,
}  # fmt: skip
"""Of each number that learns: itself, its gradient, and its moments: two of four bytes, of one byte
with 8 bits; Lion keeps one (Chen et al. 2023), Adafactor rows and columns only (Shazeer and Stern
2018)."""


def of(spec: RunSpec, known: Known) -> int | None:
    """Return the peak in bytes; None while the model is not ready."""
    facts = known.facts
    if facts is None:
        return None
    parts = (
        PROCESS_BYTES,
        _weights(spec, facts),
        _learned(spec, facts),
        _teacher(spec, known),
        _activations(spec, facts),
        LOGIT_BYTES * _tokens(spec) * facts.vocabulary_size,
    )
    return round(sum(parts))


def _tokens(spec: RunSpec) -> int:
    """Return the tokens that are read at once."""
    texts = 2 if spec.method in PAIRED else 1
    return spec.batch_size * texts * spec.max_length


def _learned(spec: RunSpec, facts: ModelFacts) -> float:
    """Return the bytes of what learns, its gradients and its moments, beyond the weights."""
    a_number = _BYTES_PER_LEARNED[spec.optimizer]
    if spec.adapter == "full":
        return facts.parameters * (a_number - _NUMBER)
    modules = spec.target_modules or tuple(facts.linear_modules)
    wide = 1 if spec.adapter == "ia3" else 2 * spec.rank
    return wide * facts.hidden_size * len(modules) * facts.layers * a_number


def _teacher(spec: RunSpec, known: Known) -> float:
    """Return the bytes of the teacher's weights and of its opinion on each token."""
    teacher = known.teacher_facts
    if spec.method != "distill" or teacher is None:
        return 0.0
    return float(_NUMBER * (teacher.parameters + _tokens(spec) * teacher.vocabulary_size))


def _activations(spec: RunSpec, facts: ModelFacts) -> float:
    a_unit = ACTIVATION_BYTES * facts.layers
    if spec.gradient_checkpointing:  # each layer's input is kept, one layer at a time computed anew
        a_unit = min(a_unit, _NUMBER * facts.layers + ACTIVATION_BYTES)
    return float(a_unit * _tokens(spec) * facts.hidden_size)


def _weights(spec: RunSpec, facts: ModelFacts) -> float:
    """Return the bytes of the base model; only linear layers are shrunk, never the embeddings.

    4 bits come with a scale of 4 bytes for each 64 weights; shrunk again, these scales take 0.127
    bits a weight (Dettmers et al. 2023).
    """
    if facts.quantized:
        return float(facts.weight_bytes)
    tables = facts.vocabulary_size * facts.hidden_size * (1 if facts.tied_embeddings else 2)
    kept = min(tables, facts.parameters)
    four_bits = 0.5 + (0.127 / 8 if spec.double_quantization else 4 / 64)
    a_weight = {"none": 4.0, "8bit": 1.0, "nf4": four_bits, "fp4": four_bits}[spec.quantization]
    return _NUMBER * kept + a_weight * (facts.parameters - kept)
