"""RunSpec: the one description of a run; form, check, storage, recipe and help derive from it."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from storage import wording
from storage.errors import Fault, Refused

Preset = Literal["quick", "balanced", "quality"]
Scheduler = Literal["linear", "cosine", "constant", "constant_with_warmup"]
Quantization = Literal["none", "8bit", "nf4", "fp4"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]
Optimizer = Literal["adamw_torch", "adamw_bnb_8bit", "paged_adamw_8bit"]

GROUPS = ("basics", "adapter", "training", "data", "memory", "evaluation")
"""The order in which the form shows the groups of fields."""


def _field(default: Any, group: str, term: str, title: str, help_text: str, **limits: Any) -> Any:
    """Declare a setting: its group on the form, the field's standard term, plain label and help."""
    return Field(
        default,
        title=title,
        description=help_text,
        json_schema_extra={"group": group, "term": term},
        **limits,
    )


class RunSpec(BaseModel):
    """Everything that decides what a run does. Frozen; unknown fields are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=120)] = _field(
        "New run", "basics", "name", "Name", "What you want to call this run."
    )
    dataset_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = _field(
        ..., "basics", "dataset", "Data", "The examples that the model learns from."
    )
    base_model_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] = _field(
        ..., "basics", "base model", "Base model", "The model that you start from."
    )
    preset: Preset = _field(
        "balanced",
        "basics",
        "preset",
        "How thorough",
        "Quick gives a first impression, Balanced suits most, Quality takes its time.",
    )

    rank: int = _field(
        16, "adapter", "LoRA rank r", "Room to learn", "How much room the add-on has to learn.",
        ge=1, le=1024,
    )  # fmt: skip
    alpha: float = _field(
        32.0, "adapter", "LoRA alpha", "Strength",
        "How strongly the add-on speaks; one to two times the rank is usual.", gt=0, le=4096,
    )  # fmt: skip
    dropout: float = _field(
        0.0, "adapter", "LoRA dropout", "Forgetting while learning",
        "Share of the add-on switched off at random; a little helps with few examples.",
        ge=0, lt=1,
    )  # fmt: skip
    target_modules: tuple[Annotated[str, StringConstraints(min_length=1, max_length=80)], ...] = (
        _field(
            (), "adapter", "target modules", "Parts of the model that learn",
            "Leave empty to let every linear layer learn, which is right for most.", max_length=64,
        )
    )  # fmt: skip
    use_rslora: bool = _field(
        False, "adapter", "rsLoRA", "Stabilise high ranks",
        "Scales the add-on by the square root of its rank; useful from rank 64 on.",
    )  # fmt: skip
    use_dora: bool = _field(
        False, "adapter", "DoRA", "Learn size and direction apart",
        "Often a little better and always slower; such add-ons are compared one after the other.",
    )  # fmt: skip

    learning_rate: float = _field(
        2e-4, "training", "learning rate", "Learning speed",
        "Size of each correction. Too high and it forgets how to speak, too low and it stays.",
        gt=0, le=1,
    )  # fmt: skip
    scheduler: Scheduler = _field(
        "cosine", "training", "learning-rate scheduler", "Course of the learning speed",
        "How the learning speed falls towards the end.",
    )  # fmt: skip
    warmup_ratio: float = _field(
        0.05, "training", "warm-up ratio", "Gentle start",
        "Share of the run in which the learning speed rises from zero.", ge=0, lt=1,
    )  # fmt: skip
    epochs: float = _field(
        3.0, "training", "epochs", "Readings of your data", "How often it rereads your data.",
        gt=0, le=1000,
    )  # fmt: skip
    max_steps: int | None = _field(
        None, "training", "maximum steps", "Stop after this many steps",
        "Leave empty to go by the number of readings; a number here overrules it.",
        ge=1, le=10_000_000,
    )  # fmt: skip
    batch_size: int = _field(
        4, "training", "batch size", "Examples at once",
        "How many examples (or packed blocks) it reads in one go; more needs more memory.",
        ge=1, le=1024,
    )  # fmt: skip
    accumulation: int = _field(
        1, "training", "gradient accumulation", "Readings per correction",
        "Collects several batches before each correction: the effect of a larger batch.",
        ge=1, le=4096,
    )  # fmt: skip
    optimizer: Optimizer = _field(
        "adamw_torch", "training", "optimizer", "Optimizer",
        "How corrections are computed; the 8-bit ones need less memory.",
    )  # fmt: skip
    weight_decay: float = _field(
        0.0, "training", "weight decay", "Pull towards zero",
        "Keeps the add-on's numbers small.", ge=0, le=1,
    )  # fmt: skip
    max_grad_norm: float = _field(
        1.0, "training", "gradient clipping", "Largest single correction",
        "Corrections larger than this are scaled down.", gt=0, le=1000,
    )  # fmt: skip
    seed: int = _field(
        42, "training", "seed", "Seed",
        "The same seed on the same machine gives the same result.", ge=0, le=2**32 - 1,
    )  # fmt: skip

    max_length: int = _field(
        512, "data", "maximum length", "Longest example, in tokens",
        "Longer examples are cut here; a token is about three quarters of a word.",
        ge=16, le=1_048_576,
    )  # fmt: skip
    packing: bool = _field(
        True, "data", "packing", "Fill every block",
        "Puts several short examples into one block without letting them see each other; faster.",
    )  # fmt: skip
    response_only: bool = _field(
        True, "data", "response-only loss", "Learn from the answers only",
        "The questions are read but not learned; switch off to learn whole conversations.",
    )  # fmt: skip
    eval_share: float = _field(
        0.1, "data", "evaluation split", "Share kept for the exam",
        "Examples never learned from, used to check whether it really got better.", ge=0, le=0.5,
    )  # fmt: skip

    quantization: Quantization = _field(
        "none", "memory", "quantization", "Shrink the base model",
        "8-bit or 4-bit loading makes a large model fit; a little slower and less exact.",
    )  # fmt: skip
    double_quantization: bool = _field(
        True, "memory", "double quantization", "Shrink the shrinking",
        "Saves a little more memory with 4-bit loading.",
    )  # fmt: skip
    gradient_checkpointing: bool = _field(
        False, "memory", "gradient checkpointing", "Trade time for memory",
        "Computes some things twice instead of keeping them: a fifth slower, far less memory.",
    )  # fmt: skip
    precision: Precision = _field(
        "auto", "memory", "precision", "Number format",
        "Automatic takes the fastest format that this machine computes well.",
    )  # fmt: skip

    eval_every: int | None = _field(
        None, "evaluation", "evaluation interval", "Steps between exams",
        "Leave empty to hold about ten exams over the run.", ge=1, le=1_000_000,
    )  # fmt: skip
    save_every: int | None = _field(
        None, "evaluation", "save interval", "Steps between saved states",
        "Leave empty to save after each exam; a stopped run goes on from the last one.",
        ge=1, le=1_000_000,
    )  # fmt: skip
    keep_checkpoints: int = _field(
        3, "evaluation", "checkpoints kept", "Saved states to keep",
        "Older ones are deleted; the best one always stays.", ge=1, le=100,
    )  # fmt: skip
    early_stopping: int = _field(
        3, "evaluation", "early stopping patience", "Stop when it no longer improves",
        "Ends the run after this many exams without improvement; 0 never does.", ge=0, le=100,
    )  # fmt: skip

    @property
    def effective_batch(self) -> int:
        """Examples (or packed blocks) behind each correction: batch size times accumulation."""
        return self.batch_size * self.accumulation


def parse(values: object) -> RunSpec:
    """Return the spec that `values` (a mapping by field name) describes.

    Raises:
        Refused: with every fault at once, by field, in words.
    """
    try:
        return RunSpec.model_validate(values)
    except ValidationError as error:
        raise Refused([_fault(details) for details in error.errors()]) from error


def field(name: str) -> FieldInfo:
    """Return the declaration of a setting (title, description, limits, group, term)."""
    return RunSpec.model_fields[name]


def extra(name: str) -> dict[str, str]:
    """Return a setting's `group` on the form and the field's standard `term`."""
    declared = field(name).json_schema_extra
    if not isinstance(declared, dict):
        raise TypeError(f"{name} was declared without _field")
    return {key: str(value) for key, value in declared.items()}


def names_in(group: str) -> list[str]:
    """Return the names of the settings of one group, in the order of declaration."""
    return [name for name in RunSpec.model_fields if extra(name).get("group") == group]


def _fault(details: ErrorDetails) -> Fault:
    if not details["loc"]:
        return Fault("settings", "The settings must be an object with named fields.")
    return Fault(str(details["loc"][0]), wording.of(details))
