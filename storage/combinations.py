"""Which settings do not go together, and why: asked before Start and again by the recipes."""

from collections.abc import Callable
from dataclasses import dataclass

from storage.errors import Fault
from storage.mappings import Target
from storage.specs import RunSpec

LEARNS_FROM: dict[str, tuple[Target, ...]] = {
    "sft": (Target.CHAT, Target.TEXT),
    "pretrain": (Target.TEXT,),
    "dpo": (Target.PREFERENCE,),
    "kto": (Target.LABELLED, Target.PREFERENCE),
    "orpo": (Target.PREFERENCE,),
    "reward": (Target.PREFERENCE,),
    "distill": (Target.CHAT,),
}
"""The rows that each method can learn from; KTO takes a pair as one good and one bad answer."""

_HOLDS = {
    Target.CHAT: "conversations",
    Target.TEXT: "plain text",
    Target.PREFERENCE: "better and worse answers",
    Target.LABELLED: "answers judged good or bad",
}

_FITS = {
    Target.CHAT: "'Learn from answers'",
    Target.TEXT: "'Read on plain text' or 'Learn from answers'",
    Target.PREFERENCE: "'Prefer the better answer' (DPO), or make conversations of the better "
    "answers under Prepare",
    Target.LABELLED: "'Learn from good and bad answers' (KTO), or make conversations of the good "
    "answers under Prepare",
}


@dataclass(frozen=True)
class Rule:
    """A combination that the libraries cannot do, or that makes no sense.

    Attributes:
        field: the setting to change.
        breaks: tells whether a spec breaks the rule.
        message: why not, and what to do, in the person's words.
    """

    field: str
    breaks: Callable[[RunSpec], bool]
    message: str


def _begins(spec: RunSpec, *beginnings: str) -> bool:
    return spec.adapter == "lora" and spec.beginning in beginnings


RULES: tuple[Rule, ...] = (
    Rule(
        "quantization",
        lambda spec: spec.adapter == "full" and spec.quantization != "none",
        "A shrunk model cannot learn as a whole: choose none, or let an add-on learn.",
    ),
    Rule(
        "beginning",
        lambda spec: _begins(spec, "pissa", "olora") and spec.quantization != "none",
        "PiSSA and OLoRA take a part out of the base model, which a shrunk one does not allow: "
        "choose LoftQ for 4-bit, another beginning, or no shrinking.",
    ),
    Rule(
        "beginning",
        lambda spec: _begins(spec, "loftq") and spec.quantization not in ("nf4", "fp4"),
        "LoftQ makes up for what 4-bit shrinking loses: shrink the base model to nf4 or fp4, or "
        "choose another beginning.",
    ),
    Rule(
        "beginning",
        lambda spec: _begins(spec, "eva") and spec.method not in ("sft", "pretrain"),
        "EVA looks at data to learn from answers or plain text: choose another beginning.",
    ),
    Rule(
        "beginning",
        lambda spec: _begins(spec, "eva") and bool(spec.extra_tokens),
        "EVA cannot look at a model that is given new words: choose another beginning, or remove "
        "the new words.",
    ),
    Rule(
        "use_dora",
        lambda spec: spec.adapter == "lora" and spec.use_dora and spec.quantization == "8bit",
        "DoRA measures the base model's weights at every step, which the libraries cannot do with "
        "an 8-bit one on a processor: choose 4-bit, or no shrinking.",
    ),
    Rule(
        "rank",
        lambda spec: _begins(spec, "orthogonal") and spec.rank % 2 == 1,
        "An orthogonal beginning needs an even number.",
    ),
    Rule(
        "final_rank",
        lambda spec: spec.adapter == "adalora" and spec.final_rank >= spec.rank,
        "It must be less than the room to learn that AdaLoRA begins with.",
    ),
    Rule(
        "max_steps",
        lambda spec: spec.adapter == "adalora" and spec.max_steps == 1,
        "AdaLoRA needs at least 2 steps: one to learn, and one to choose what stays.",
    ),
    Rule(
        "weight_decay",
        lambda spec: spec.adapter == "ia3" and spec.weight_decay > 0,
        "IA3 multiplies what the model computes; pulled towards zero it would fall silent: "
        "choose 0.",
    ),
    Rule(
        "custom_template",
        lambda spec: spec.chat_template == "custom" and not spec.custom_template,
        "Write the chat format, or choose one of the list.",
    ),
    Rule(
        "teacher_model_id",
        lambda spec: spec.method == "distill" and not spec.teacher_model_id,
        "Choose the model to learn from.",
    ),
    Rule(
        "teacher_model_id",
        lambda spec: spec.method == "distill" and spec.teacher_model_id == spec.base_model_id,
        "A model learns nothing from itself: choose a larger one.",
    ),
    Rule(
        "batch_size",
        lambda spec: spec.method == "kto" and spec.batch_size < 2,
        "Judged answers (KTO) are learned by comparing them: read at least 2 at once.",
    ),
    Rule(
        "batch_size",
        lambda spec: _prefers(spec, "aot", "aot_unpaired") and spec.batch_size < 2,
        "AOT compares all answers that are read at once: read at least 2.",
    ),
    Rule(
        "label_smoothing",
        lambda spec: _prefers(spec, "exo_pair") and spec.label_smoothing == 0,
        "EXO needs a share above 0 of wrong judgements to expect; 0.001 is usual.",
    ),
    Rule(
        "beginning",
        lambda spec: spec.method in ("dpo", "kto") and _begins(spec, "pissa", "olora", "loftq"),
        "This beginning changes the base model, which preference learning (DPO, KTO) compares "
        "with: choose the default one, or ORPO.",
    ),
    Rule(
        "beginning",
        lambda spec: spec.method == "reward" and _begins(spec, "loftq"),
        "With LoftQ the finished add-on fits the base model only up to rounding, and a judge's "
        "scores would change: choose another beginning.",
    ),
    Rule(
        "group_by_length",
        lambda spec: spec.method == "kto" and spec.group_by_length,
        "Judged answers (KTO) are read in an order of their own: switch this off.",
    ),
    Rule(
        "processes",
        lambda spec: spec.processes > 1 and spec.method in ("kto", "distill"),
        "Judged answers (KTO) and learning from a larger model take one process so far: choose 1.",
    ),
    Rule(
        "processes",
        lambda spec: spec.processes > 1 and spec.adapter == "adalora",
        "AdaLoRA shares out its room in one process: choose 1, or LoRA.",
    ),
    Rule(
        "beginning",
        lambda spec: (
            spec.processes > 1
            and not _begins(spec, "default", "gaussian")
            and spec.adapter == "lora"
        ),
        "Several processes begin with the default or random numbers (gaussian): choose one of "
        "these, or a single process.",
    ),
    Rule(
        "sharding",
        lambda spec: _divides(spec) and spec.quantization != "none",
        "A shrunk model cannot be divided (FSDP): choose DDP, or no shrinking.",
    ),
    Rule(
        "sharding",
        lambda spec: _divides(spec) and spec.optimizer != "adamw_torch",
        "Only AdamW (adamw_torch) corrects a divided model (FSDP): choose it, or DDP.",
    ),
    Rule(
        "sharding",
        lambda spec: _divides(spec) and bool(spec.extra_tokens),
        "A divided model (FSDP) cannot learn new words: choose DDP, or remove them.",
    ),
    Rule(
        "sharding",
        lambda spec: _divides(spec) and (spec.compile or spec.activation_offloading),
        "A divided model (FSDP) is neither compiled nor are its notes moved: switch both off, or "
        "choose DDP.",
    ),
)


def _divides(spec: RunSpec) -> bool:
    return spec.processes > 1 and spec.sharding == "fsdp"


def _prefers(spec: RunSpec, *losses: str) -> bool:
    return spec.method == "dpo" and spec.preference_loss in losses


@dataclass(frozen=True)
class FamilyRule:
    """What the libraries cannot do with base models of some architectures.

    Attributes:
        model_types: as config.json names them.
        field, breaks, message: as of a Rule.
    """

    model_types: tuple[str, ...]
    field: str
    breaks: Callable[[RunSpec], bool]
    message: str


FAMILY_RULES: tuple[FamilyRule, ...] = (
    FamilyRule(
        ("gemma3n", "gemma3n_text"),
        "method",
        lambda spec: spec.method == "reward",
        "The libraries have no judge made of a Gemma 3n model: choose another base model.",
    ),
    FamilyRule(
        ("gemma3n", "gemma3n_text"),
        "quantization",
        lambda spec: spec.quantization != "none",
        "Models of the Gemma 3n family change some of their weights while they learn and cannot "
        "be shrunk: choose none.",
    ),
)


def faults(spec: RunSpec, model_type: str | None = None) -> list[Fault]:
    """List every rule that a spec breaks, by field.

    `model_type` is the base model's as config.json names it; None while it is not known.
    """
    general = [Fault(rule.field, rule.message) for rule in RULES if rule.breaks(spec)]
    of_family = [
        Fault(rule.field, rule.message)
        for rule in FAMILY_RULES
        if model_type in rule.model_types and rule.breaks(spec)
    ]
    return [*general, *of_family]


def data_fault(method: str, target: str | None) -> str:
    """Return why a method cannot learn from rows of a target; empty where it can.

    `target` is None while the data has not been read; then nothing is known against it.
    """
    if target is None or target in LEARNS_FROM[method]:
        return ""
    there = Target(target)
    wanted = " or ".join(_HOLDS[one] for one in LEARNS_FROM[method])
    return (
        f"This way of learning needs {wanted}; the data holds {_HOLDS[there]}. "
        f"Choose {_FITS[there]}."
    )
