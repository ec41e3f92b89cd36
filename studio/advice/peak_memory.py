"""How much memory a run takes at its peak, part by part, from the sizes of the model alone."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from storage.model_facts import ModelFacts
from storage.specs import RunSpec
from studio.advice import heaviest
from studio.advice.heaviest import Heaviest
from studio.advice.known import Known
from studio.advice.lengths import PAIRED
from studio.advice.machine import Machine

PROCESS_BYTES = 600_000_000
"""What Python, torch and the training libraries need before the model is loaded; on a card about
as much goes to its driver."""

_SINGLE = 4
"""Bytes of a number in float32, which all that learns is kept in."""

_WIDE = 256
"""Width from which a processor takes 16 bits by itself (worker/training/precision)."""

_AT_ONCE = 256
"""Positions whose scores the fast way holds at once (worker/training/fast/answer_loss)."""

_ASKED_AT_ONCE = 8
"""Pairs that the base model is asked about in one go (worker/training/reference)."""

_MEMORIES = {
    "adamw_torch": 8.0, "paged_adamw_32bit": 8.0, "adamw_bnb_8bit": 2.03, "paged_adamw_8bit": 2.03,
    "lion_8bit": 1.02, "adafactor": 0.05,
}  # fmt: skip
"""Bytes that an optimizer keeps of each number that learns: two moments of four bytes, of one byte
and a share of a scale with 8 bits; Lion keeps one (Chen et al. 2023), Adafactor rows and columns
only (Shazeer and Stern 2018)."""


@dataclass(frozen=True)
class Parts:
    """Bytes at the fullest moment, by what they are for.

    Attributes:
        weights: of the base model, of a teacher too.
        adapter: what is put on it; 0 where the model itself learns.
        gradients: of what learns.
        optimizer: what it remembers of each number that learns.
        activations: what a step must keep of each token for the way back.
        logits: scores of the words of the vocabulary.
        overhead: of the process, before the model is loaded.
    """

    weights: int
    adapter: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    overhead: int = PROCESS_BYTES

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.named.values())

    @property
    def named(self) -> Mapping[str, int]:
        """The parts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def of(spec: RunSpec, known: Known, here: Machine | None = None) -> int | None:
    """Return the peak in bytes; None while the model is not ready."""
    found = parts(spec, known, here)
    return found.total if found else None


def parts(spec: RunSpec, known: Known, here: Machine | None = None) -> Parts | None:
    """Return the peak by parts; None while the model is not ready."""
    if known.facts is None:
        return None
    texts = heaviest.of(spec, known)
    return parts_of(spec, known.facts, texts, here, known.teacher_facts)


def parts_of(
    spec: RunSpec,
    facts: ModelFacts,
    texts: Heaviest,
    here: Machine | None = None,
    teacher: ModelFacts | None = None,
) -> Parts:
    """Return the peak by parts.

    Args:
        spec: of the run.
        facts: of the base model.
        texts: what is read at once.
        here: the machine; where it is not given, one that computes in float32.
        teacher: facts of the model that is learned from; None: there is none.
    """
    way = _Way.of(spec, facts, here)
    learns = _learned(spec, facts)
    is_full = spec.adapter == "full"
    found = Parts(
        weights=round(way.weights + _teacher(spec, teacher, texts)),
        adapter=0 if is_full else round(_SINGLE * learns),
        gradients=round(_SINGLE * learns),
        optimizer=round(_MEMORIES[spec.optimizer] * learns),
        activations=round(way.activations(texts)),
        logits=round(way.logits(texts)),
    )
    # Weights are read in float32 on a processor, and brought to 16 bits one by one afterwards.
    lacking = way.loading + (0 if is_full else _SINGLE * learns) - (found.total - found.overhead)
    return Parts(**{**found.named, "weights": found.weights + max(0, round(lacking))})


@dataclass(frozen=True)
class _Way:
    """How a run computes.

    Attributes:
        spec, facts: of the run and its base model.
        number: bytes of a number in products: 2 or 4.
        on_card: on a graphics card.
        quick: layers are computed in few passes (worker/training/fast/products).
        at_answers: only answers are scored, in pieces.
    """

    spec: RunSpec
    facts: ModelFacts
    number: int
    on_card: bool
    quick: bool
    at_answers: bool

    @classmethod
    def of(cls, spec: RunSpec, facts: ModelFacts, here: Machine | None) -> "_Way":
        """Return the way of a run on a machine."""
        on_card = here is not None and here.has_gpu
        fast = here is not None and here.has_bfloat16 and facts.hidden_size >= _WIDE
        halves = on_card or (fast and spec.method != "distill")
        number = {"auto": 2 if halves else 4, "float32": 4}.get(spec.precision, 2)
        goes_fast = spec.path == "auto" and not on_card and spec.method in ("sft", "pretrain")
        plain_lora = spec.adapter == "lora" and not spec.use_dora and not spec.dropout
        quick = goes_fast and plain_lora and spec.quantization == "none"
        return cls(spec, facts, number, on_card, quick, goes_fast)

    @property
    def loading(self) -> float:
        """Bytes of the weights as they are read."""
        if self.facts.quantized:
            return float(self.facts.weight_bytes)
        tables, linear = _tables(self.facts)
        wide = 2 if self.on_card else _SINGLE
        return wide * tables + _bytes_of_linear(self.spec, wide) * linear

    @property
    def weights(self) -> float:
        """Bytes of the weights while steps are taken; only linear layers are ever shrunk."""
        if not self._is_cast:
            return self.loading
        tables, linear = _tables(self.facts)
        embedding = self.facts.vocabulary_size * self.facts.hidden_size
        rest = _SINGLE * embedding + self.number * (tables - embedding)  # a head of its own is cast
        kept_head = self.number * embedding if self.at_answers and tables == embedding else 0
        return rest + kept_head + self.number * linear

    @property
    def _is_cast(self) -> bool:
        """Whether frozen weights are turned to the format of products."""
        spec = self.spec
        frozen = spec.adapter != "full" and spec.quantization == "none" and not self.facts.quantized
        usual = spec.path == "auto" and spec.method != "distill" and not self.on_card
        return frozen and usual and self.number == 2

    def activations(self, texts: Heaviest) -> float:
        """Return the bytes that a step keeps of what it reads."""
        tokens = self._tokens(texts)
        a_layer = self._a_layer()
        width = self.facts.hidden_size
        if not self.spec.gradient_checkpointing:
            return float(tokens * (a_layer * self.facts.layers + self._ends() * width))
        # Each layer's input is kept, and one layer at a time computed anew.
        kept = min(_SINGLE * width * self.facts.layers + a_layer, a_layer * self.facts.layers)
        return float(tokens * (kept + self._ends() * width))

    def logits(self, texts: Heaviest) -> float:
        """Return the bytes of the words' scores, and of what they are made from."""
        words, width = self.facts.vocabulary_size, self.facts.hidden_size
        if self.spec.method == "reward":
            return 0.0
        learned = texts.learned * texts.tokens
        if self.at_answers:
            found = 0.0 if self.spec.adapter != "full" else _SINGLE * words * width
            at_once = min(_AT_ONCE, learned)
            return found + self.number * (at_once * words + 2 * learned * width) + 3 * 2**20
        scored = self._tokens(texts)
        if self.spec.method not in ("sft", "pretrain", "distill"):
            scored = round(scored * texts.learned)
        return float(scored * (_SCORED * words + _SCORED_WIDTH * width))

    def _tokens(self, texts: Heaviest) -> int:
        """Return the tokens that are read at once, padding among them."""
        is_flat = self.at_answers or (self.spec.packing and self.spec.method in ("sft", "pretrain"))
        count = texts.tokens if is_flat else texts.padded
        return count * (2 if self.spec.method in PAIRED else 1)

    def _a_layer(self) -> float:
        """Return the bytes that a layer keeps of each token."""
        facts, number = self.facts, self.number
        width, inner = facts.hidden_size, facts.intermediate_size
        if self.quick:
            wide, deep = _QUICK[number]
            seen = number * self.spec.rank * len(facts.linear_modules)
            return wide * width + deep * inner + seen
        wide, deep = _USUAL[self._kind, number]
        return wide * width + deep * inner

    @property
    def _kind(self) -> str:
        if self.spec.adapter == "full":
            return "full"
        if self.spec.dropout or self.spec.use_dora:
            return "dropped"
        return "shrunk" if self.spec.quantization != "none" else "usual"

    def _ends(self) -> float:
        """Return the bytes that what lies around the layers keeps of each token and unit."""
        return 7.0


_QUICK = {2: (17.0, 8.0), 4: (34.0, 16.0)}
"""Bytes that a layer computed in few passes keeps of each token, by unit of its width and of its
inner width; 16 and 32 bits."""

_USUAL = {
    ("usual", 2): (31.0, 11.0), ("usual", 4): (31.0, 16.0), ("shrunk", 2): (33.0, 12.0),
    ("shrunk", 4): (33.0, 18.0), ("full", 2): (34.0, 11.0), ("full", 4): (41.0, 16.0),
    ("dropped", 2): (47.0, 12.0), ("dropped", 4): (60.0, 20.0),
}  # fmt: skip
"""Bytes that a layer of the library keeps of each token, by unit of its width and of its inner
width."""

_SCORED, _SCORED_WIDTH = 29.4, 266.0
"""Bytes of each score where the library computes them, and by unit of the width of each position
that is scored."""


def _bytes_of_linear(spec: RunSpec, wide: int) -> float:
    """Return the bytes of a linear layer's weight.

    4 bits come with a scale of 4 bytes for each 64 weights; shrunk again, these scales take 0.127
    bits a weight (Dettmers et al. 2023).
    """
    four_bits = 0.5 + (0.127 / 8 if spec.double_quantization else 4 / 64)
    return {"none": float(wide), "8bit": 1.0, "nf4": four_bits, "fp4": four_bits}[spec.quantization]


def _tables(facts: ModelFacts) -> tuple[int, int]:
    """Return how many weights embeddings and head have, and how many all others."""
    tables = facts.vocabulary_size * facts.hidden_size * (1 if facts.tied_embeddings else 2)
    kept = min(tables, facts.parameters)
    return kept, facts.parameters - kept


def _learned(spec: RunSpec, facts: ModelFacts) -> float:
    """Return how many numbers learn."""
    if spec.adapter == "full":
        return float(facts.parameters)
    modules = spec.target_modules or tuple(facts.linear_modules)
    sizes = [_sizes(name.rsplit(".", 1)[-1], facts) for name in modules]
    if spec.adapter == "ia3":
        return float(facts.layers * sum(min(one) for one in sizes))
    beside = sum(out for _, out in sizes) if spec.use_dora and spec.adapter == "lora" else 0
    return float(facts.layers * (spec.rank * sum(map(sum, sizes)) + beside))


def _sizes(name: str, facts: ModelFacts) -> tuple[int, int]:
    """Return a linear layer's inputs and outputs, by the names that architectures give it."""
    width, inner = facts.hidden_size, facts.intermediate_size
    shared = width * (facts.kv_heads or facts.heads or 1) // (facts.heads or 1)
    known = {
        **dict.fromkeys(("k_proj", "v_proj"), (width, shared)),
        "qkv_proj": (width, width + 2 * shared),
        **dict.fromkeys(("query_key_value", "c_attn"), (width, 3 * width)),
        "gate_up_proj": (width, 2 * inner),
        **dict.fromkeys(("gate_proj", "up_proj", "c_fc", "fc1", "dense_h_to_4h"), (width, inner)),
        **dict.fromkeys(("down_proj", "fc2", "dense_4h_to_h"), (inner, width)),
    }
    return known.get(name, (width, width))


def _teacher(spec: RunSpec, teacher: ModelFacts | None, texts: Heaviest) -> float:
    """Return the bytes of the teacher's weights and of its opinion on each token."""
    if spec.method != "distill" or teacher is None:
        return 0.0
    opinion = texts.padded * teacher.vocabulary_size
    tables, linear = _tables(teacher)
    return _SINGLE * (tables + opinion) + _bytes_of_linear(spec, _SINGLE) * linear
